-- Orders that are not over, the newest first, and those that a person should look at. $1 and $2 how many of each, $3 for
-- how many seconds one stays that is ready, $4 for how many one that is in a kitchen: nobody may ever say of it that it was
-- handed over. `open`: it is one of the former, among which board_count.sql counts.
WITH open AS (
    SELECT organization_id, order_id, revision FROM (
        (
            SELECT organization_id, order_id, revision FROM orders
            WHERE status IN ('received', 'scheduled', 'awaiting_staff', 'submitting', 'unknown', 'awaiting_pos')/* whose */
            ORDER BY order_id DESC
            LIMIT $1
        )
        UNION ALL
        (
            SELECT organization_id, order_id, revision FROM (
                SELECT organization_id, order_id, revision, status, ready_at FROM orders
                WHERE status IN ('confirmed', 'in_prep', 'ready')
                    AND confirmed_at > (SELECT business_now()) - make_interval(secs => $4)/* whose */
                ORDER BY confirmed_at DESC
                LIMIT 2 * $1
            ) latest
            WHERE status <> 'ready' OR ready_at IS NULL
                OR ready_at > (SELECT business_now()) - make_interval(secs => $3)
        )
    ) both_kinds
    ORDER BY order_id DESC
    LIMIT $1
), matters AS (
    SELECT organization_id, order_id, revision FROM orders
    WHERE (attention IS NOT NULL OR parked)/* whose */
    ORDER BY received_at DESC, order_id DESC
    LIMIT $2
)
SELECT organization_id, order_id, revision, true AS open FROM open
UNION ALL
SELECT organization_id, order_id, revision, false FROM matters
WHERE order_id NOT IN (SELECT order_id FROM open)
