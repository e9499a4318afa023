-- What was ordered. $1 organizations, $2 orders; each is looked up by itself, whatever a planner thinks of the table.
SELECT b.*
FROM unnest($1::text[], $2::text[]) AS wanted (organization_id, order_id)
CROSS JOIN LATERAL (
    SELECT organization_id, order_id, content, menu_version FROM order_bodies
    WHERE order_bodies.organization_id = wanted.organization_id AND order_bodies.order_id = wanted.order_id
    LIMIT 1
) AS b
