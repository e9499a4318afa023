-- The business time, the order that has a marketplace's number if there is one, and how the store is for this
-- marketplace now: connected, its menu and whether it is published, a pause if one is held.
SELECT now.now, k.order_id, k.content_hash, c.venue_id IS NOT NULL AS connected,
    s.menu_version, s.venue_id IS NOT NULL AND s.menu_unpublished_at IS NULL AS menu_published,
    p.held_by AS paused_by, p.reason AS pause_reason, p.until AS paused_until
FROM (SELECT business_now() AS now) AS now
LEFT JOIN order_keys k ON k.organization_id = $1 AND k.marketplace_id = $2 AND k.external_order_id = $3
LEFT JOIN connections c ON c.organization_id = $1 AND c.venue_id = $4 AND c.marketplace_id = $2
LEFT JOIN stores s ON s.organization_id = $1 AND s.venue_id = $4
LEFT JOIN LATERAL (
    SELECT held_by, reason, until FROM store_pauses
    WHERE organization_id = $1 AND venue_id = $4 AND (until IS NULL OR until > now.now)
    ORDER BY until DESC NULLS FIRST
    LIMIT 1
) AS p ON true
