-- Orders that are not over, the newest first, and those that a person should look at. $1 and $2 how many of each, $3 for
-- how many seconds one stays that is ready. `open`: it is one of the former, among which board_count.sql counts.
(
    SELECT organization_id, order_id, revision, true AS open FROM orders
    WHERE status NOT IN ('completed', 'rejected', 'failed', 'cancelled')
        AND NOT (status = 'ready'
            AND coalesce(ready_at, received_at) < (SELECT business_now()) - make_interval(secs => $3))/* whose */
    ORDER BY order_id DESC
    LIMIT $1
)
UNION
(
    SELECT organization_id, order_id, revision, status NOT IN ('completed', 'rejected', 'failed', 'cancelled')
        AND NOT (status = 'ready'
            AND coalesce(ready_at, received_at) < (SELECT business_now()) - make_interval(secs => $3))
    FROM orders
    WHERE (attention IS NOT NULL OR parked)/* whose */
    ORDER BY received_at DESC, order_id DESC
    LIMIT $2
)
