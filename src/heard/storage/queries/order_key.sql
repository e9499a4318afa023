-- The business time, and the order that has a marketplace's number if there is one.
SELECT business_now() AS now, k.order_id, k.content_hash
FROM (VALUES (1)) AS one
LEFT JOIN order_keys k ON k.organization_id = $1 AND k.marketplace_id = $2 AND k.external_order_id = $3
