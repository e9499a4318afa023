-- Leases the first of these orders that are due still and free. $1 organizations, $2 orders, $3 how many, $4 lease in
-- seconds, $5 and $6 the least and the greatest order: as in orders_save.sql.
WITH picked AS MATERIALIZED (
    SELECT tableoid, ctid FROM orders
    WHERE organization_id = ANY ($1::text[]) AND order_id = ANY ($2::text[]) AND order_id BETWEEN $5 AND $6
        AND coalesce(next_at <= (SELECT business_now()), false)  -- found by their keys, not by the queue
        AND (lease_until IS NULL OR lease_until < clock_timestamp())
    ORDER BY array_position($2, order_id)
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
UPDATE orders o
SET lease = o.lease + 1, lease_until = clock_timestamp() + make_interval(secs => $4), stalls = o.stalls + 1
FROM picked p
WHERE o.tableoid = p.tableoid AND o.ctid = p.ctid AND o.order_id BETWEEN $5 AND $6
RETURNING o.*, (SELECT business_now()) AS now, (  -- once for all of them
    SELECT h.probe_at FROM pos_health h
    WHERE h.organization_id = o.organization_id AND h.venue_id = o.venue_id AND h.open_since IS NOT NULL
) AS probe_at
