-- The business time, the order that has a marketplace's number if there is one, and a pause of the store if one is held.
SELECT now.now, k.order_id, k.content_hash, p.held_by AS paused_by, p.reason AS pause_reason, p.until AS paused_until
FROM (SELECT business_now() AS now) AS now
LEFT JOIN order_keys k ON k.organization_id = $1 AND k.marketplace_id = $2 AND k.external_order_id = $3
LEFT JOIN LATERAL (
    SELECT held_by, reason, until FROM store_pauses
    WHERE organization_id = $1 AND venue_id = $4 AND (until IS NULL OR until > now.now)
    ORDER BY until DESC NULLS FIRST
    LIMIT 1
) AS p ON true
