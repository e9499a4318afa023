-- The rows of orders, locked one after another in everybody's order, with the business time after each lock was had.
-- $1 organizations, $2 orders, $3 and $4 the least and the greatest of these: as in orders_save.sql.
SELECT o.*, business_now() AS now
FROM (
    SELECT * FROM orders
    WHERE organization_id = ANY ($1::text[]) AND order_id = ANY ($2::text[]) AND order_id BETWEEN $3 AND $4
    ORDER BY organization_id, order_id
    FOR UPDATE
) AS o
