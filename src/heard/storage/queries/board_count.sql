-- How many orders are not over, as board_standing.sql has it, up to some thousands of each kind. $1, $3, $4 as there; $2 is
-- not used but for being given.
SELECT (
    SELECT count(*) FROM (
        SELECT FROM orders
        WHERE status IN ('received', 'scheduled', 'awaiting_staff', 'submitting', 'unknown', 'awaiting_pos')
            AND $2::integer IS NOT NULL/* whose */
        LIMIT 10 * $1
    ) waiting
) + (
    SELECT count(*) FROM (
        SELECT status, ready_at FROM orders
        WHERE status IN ('confirmed', 'in_prep', 'ready')
            AND confirmed_at > (SELECT business_now()) - make_interval(secs => $4)/* whose */
        ORDER BY confirmed_at DESC
        LIMIT 10 * $1
    ) latest
    WHERE status <> 'ready' OR ready_at IS NULL OR ready_at > (SELECT business_now()) - make_interval(secs => $3)
)
