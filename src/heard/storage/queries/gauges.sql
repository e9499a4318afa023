-- What waits, and for how long: name, label values, value, as engine/metrics.py has its gauges. Every part is answered
-- from an index of what is open or given up, so that old orders cost nothing.
SELECT 'heard_orders_open' AS name, ARRAY[o.organization_id, m.name, o.status] AS labels, count(*)::float8 AS value
FROM orders o
JOIN marketplaces m ON m.organization_id = o.organization_id AND m.marketplace_id = o.marketplace_id
WHERE o.next_at IS NOT NULL
GROUP BY o.organization_id, m.name, o.status
UNION ALL
SELECT 'heard_orders_attention', ARRAY[o.organization_id, coalesce(o.attention, 'parked')], count(*)
FROM orders o
WHERE o.attention IS NOT NULL OR o.parked
GROUP BY o.organization_id, coalesce(o.attention, 'parked')
UNION ALL
SELECT 'heard_due_age_seconds', ARRAY['orders'],
    coalesce(greatest(0, extract(epoch FROM (SELECT business_now()) - min(o.next_at))), 0)
FROM orders o
WHERE o.next_at IS NOT NULL
UNION ALL
SELECT 'heard_due_age_seconds', ARRAY['deliveries'],
    coalesce(greatest(0, extract(epoch FROM (SELECT business_now()) - min(d.next_at))), 0)
FROM deliveries d
WHERE d.next_at IS NOT NULL
UNION ALL
SELECT 'heard_deliveries', ARRAY['due'], count(*) FROM deliveries d WHERE d.next_at IS NOT NULL
UNION ALL
SELECT 'heard_deliveries', ARRAY['dead'], count(*) FROM deliveries d WHERE d.state = 'dead'
UNION ALL
SELECT 'heard_pos_gone', ARRAY[h.organization_id, h.venue_id], 1 FROM pos_health h WHERE h.open_since IS NOT NULL
UNION ALL
SELECT 'heard_stores_paused', ARRAY[p.organization_id, coalesce(m.name, p.held_by)], count(*)
FROM store_pauses p
LEFT JOIN marketplaces m ON m.organization_id = p.organization_id AND m.marketplace_id = p.held_by
GROUP BY p.organization_id, coalesce(m.name, p.held_by)
