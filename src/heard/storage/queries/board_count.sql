-- How many orders are not over. $1, $2 as in board_standing.sql, $3 for how many seconds one stays that is ready.
SELECT count(*) FROM orders
WHERE status NOT IN ('completed', 'rejected', 'failed', 'cancelled') AND $1::integer + $2::integer > 0
    AND NOT (status = 'ready'
        AND coalesce(ready_at, received_at) < (SELECT business_now()) - make_interval(secs => $3))/* whose */
