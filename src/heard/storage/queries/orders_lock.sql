-- The rows of orders, locked one after another as they are named, with the business time after each lock was had. Each
-- is looked up by itself, whatever a planner thinks of the table. $1 organizations, $2 orders: sorted, so that no two
-- transactions wait for each other.
SELECT o.*, business_now() AS now
FROM unnest($1::text[], $2::text[]) AS wanted (organization_id, order_id)
CROSS JOIN LATERAL (
    SELECT * FROM orders
    WHERE orders.organization_id = wanted.organization_id AND orders.order_id = wanted.order_id
    FOR UPDATE
) AS o
