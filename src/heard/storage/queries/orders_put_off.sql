-- Orders wait for their POS, which is gone: each until a moment between two, and no longer than its deadline. They are
-- locked already, in the same transaction. $1 organizations, $2 orders, $3 from when, $4 over how many seconds, $5 and $6
-- the least and the greatest order: as in orders_save.sql.
UPDATE orders o
SET held = true, wait_until = n.until, next_at = least(n.until, o.accept_by), revision = o.revision + 1
FROM (
    SELECT k.organization_id, k.order_id, $3::timestamptz + make_interval(secs => $4 * random()) AS until
    FROM unnest($1::text[], $2::text[]) AS k (organization_id, order_id)
) n
WHERE o.organization_id = n.organization_id AND o.order_id = n.order_id AND o.order_id BETWEEN $5 AND $6
