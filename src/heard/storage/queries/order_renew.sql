-- Renews the leases a worker still holds, in the order in which everybody locks orders. $1 organizations, $2 orders,
-- $3 lease numbers, $4 lease in seconds; 0 gives them back.
UPDATE orders o
SET lease_until = clock_timestamp() + make_interval(secs => $4)
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS held (organization_id, order_id, lease)
CROSS JOIN LATERAL (
    SELECT 1 FROM orders
    WHERE orders.organization_id = held.organization_id AND orders.order_id = held.order_id
    FOR UPDATE
) AS place
WHERE o.organization_id = held.organization_id AND o.order_id = held.order_id AND o.lease = held.lease
    AND o.lease_until IS NOT NULL
