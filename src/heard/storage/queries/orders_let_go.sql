-- Orders whose calls wait for their POS are due again. They are locked already, in the same transaction. $1 organizations,
-- $2 orders, $3 since when, $4 and $5 the least and the greatest order: as in orders_save.sql.
UPDATE orders
SET held = false, wait_until = $3, next_at = CASE WHEN next_at > $3 THEN $3 ELSE next_at END,
    revision = revision + 1
WHERE organization_id = ANY ($1::text[]) AND order_id = ANY ($2::text[]) AND order_id BETWEEN $4 AND $5 AND held
