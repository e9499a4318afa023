-- Renews the leases a worker still holds, in the order in which everybody locks orders. $1 organizations, $2 orders,
-- $3 lease numbers, $4 lease in seconds, 0 gives them back; $5 and $6 the least and the greatest order: as in
-- orders_save.sql. One that was changed at this moment is renewed the next time.
WITH place AS MATERIALIZED (
    SELECT organization_id, order_id, lease, lease_until, tableoid, ctid FROM orders
    WHERE organization_id = ANY ($1::text[]) AND order_id = ANY ($2::text[]) AND order_id BETWEEN $5 AND $6
    ORDER BY organization_id, order_id
    FOR UPDATE
)
UPDATE orders o
SET lease_until = clock_timestamp() + make_interval(secs => $4)
FROM place p
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS held (organization_id, order_id, lease)
    ON held.organization_id = p.organization_id AND held.order_id = p.order_id AND held.lease = p.lease
WHERE p.lease_until IS NOT NULL AND o.tableoid = p.tableoid AND o.ctid = p.ctid AND o.order_id BETWEEN $5 AND $6
