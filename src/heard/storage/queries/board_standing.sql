-- Orders that are not over, the newest first, and those that a person should look at. $1 and $2 how many of each, $3 for
-- how many seconds one stays that is ready.
(
    SELECT organization_id, order_id, revision FROM orders
    WHERE status NOT IN ('completed', 'rejected', 'failed', 'cancelled')
        AND NOT (status = 'ready' AND ready_at < (SELECT business_now()) - make_interval(secs => $3))/* whose */
    ORDER BY order_id DESC
    LIMIT $1
)
UNION
(
    SELECT organization_id, order_id, revision FROM orders
    WHERE (attention IS NOT NULL OR parked)/* whose */
    ORDER BY received_at DESC, order_id DESC
    LIMIT $2
)
