-- For each key asked for, in that order: the business time, the order that has the marketplace's number if there is one,
-- and how the store is for this marketplace now: connected, its menu and whether it is published, whether it is for trying
-- out, what is off it and until when, a pause if one is held.
-- $1 organizations, $2 marketplaces, $3 their numbers, $4 venues.
SELECT now.now, k.order_id, k.content_hash, c.venue_id IS NOT NULL AS connected,
    s.menu_version, s.venue_id IS NOT NULL AND s.menu_unpublished_at IS NULL AS menu_published,
    coalesce(s.sandbox, false) AS sandbox, i.off_ids, i.off_untils,
    p.held_by AS paused_by, p.reason AS pause_reason, p.until AS paused_until
FROM (SELECT business_now() AS now OFFSET 0) AS now  -- asked once: without the OFFSET, for each key
CROSS JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[])
    WITH ORDINALITY AS asked (organization_id, marketplace_id, external_order_id, venue_id, place)
LEFT JOIN LATERAL (
    SELECT order_id, content_hash FROM order_keys
    WHERE order_keys.organization_id = asked.organization_id AND order_keys.marketplace_id = asked.marketplace_id
        AND order_keys.external_order_id = asked.external_order_id
    LIMIT 1
) AS k ON true
LEFT JOIN LATERAL (
    SELECT venue_id FROM connections
    WHERE connections.organization_id = asked.organization_id AND connections.venue_id = asked.venue_id
        AND connections.marketplace_id = asked.marketplace_id
    LIMIT 1
) AS c ON true
LEFT JOIN LATERAL (
    SELECT venue_id, menu_version, menu_unpublished_at, sandbox FROM stores
    WHERE stores.organization_id = asked.organization_id AND stores.venue_id = asked.venue_id
    LIMIT 1
) AS s ON true
LEFT JOIN LATERAL (
    SELECT array_agg(item_id) AS off_ids, array_agg(off_until) AS off_untils FROM items_off
    WHERE items_off.organization_id = asked.organization_id AND items_off.venue_id = asked.venue_id
        AND (off_until IS NULL OR off_until > now.now)
) AS i ON true
LEFT JOIN LATERAL (
    SELECT held_by, reason, until FROM store_pauses
    WHERE store_pauses.organization_id = asked.organization_id AND store_pauses.venue_id = asked.venue_id
        AND (until IS NULL OR until > now.now)
    ORDER BY until DESC NULLS FIRST
    LIMIT 1
) AS p ON true
ORDER BY asked.place
