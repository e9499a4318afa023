-- Orders as the board shows them. $1 organizations, $2 orders, $3 and $4 the least and the greatest of these.
SELECT o.*, m.name AS channel, s.name AS store,
    x.at AS call_at, x.direction, x.peer, x.method, x.path, x.status AS call_status, x.ms, x.error
FROM orders o
JOIN marketplaces m ON m.organization_id = o.organization_id AND m.marketplace_id = o.marketplace_id
JOIN stores s ON s.organization_id = o.organization_id AND s.venue_id = o.venue_id
LEFT JOIN LATERAL (
    SELECT e.at, e.direction, e.peer, e.method, e.path, e.status, e.ms, e.error
    FROM exchanges e
    WHERE e.organization_id = o.organization_id AND e.order_id = o.order_id AND e.peer = 'pos'
    ORDER BY e.at DESC
    LIMIT 1
) x ON true
WHERE o.organization_id = ANY ($1::text[]) AND o.order_id = ANY ($2::text[]) AND o.order_id BETWEEN $3 AND $4
