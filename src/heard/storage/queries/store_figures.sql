-- What stores' newest orders say. A store is asked for as a span and sorted by, so that only the index of its own orders
-- will do: going through everybody's newest is quick for a busy store, and reads them all for a quiet one.
-- $1 organizations, $2 venues; $3 since when, $4 and $5 the least ids of orders and of calls made since then (they name
-- the partitions); $6 how many orders of each, $7 of how many the calls to the POS.
SELECT asked.organization_id, asked.venue_id, orders.orders, orders.accepted, orders.turned_away, calls.calls,
    calls.failed_calls, calls.p95_ms
FROM unnest($1::text[], $2::text[]) AS asked (organization_id, venue_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS orders, count(*) FILTER (WHERE newest.confirmed_at IS NOT NULL) AS accepted,
        count(*) FILTER (WHERE newest.confirmed_at IS NULL AND newest.status IN ('rejected', 'failed')) AS turned_away
    FROM (
        SELECT o.confirmed_at, o.status FROM orders o
        WHERE o.organization_id = asked.organization_id AND o.order_id >= $4
            AND (o.venue_id, o.received_at) BETWEEN (asked.venue_id, $3) AND (asked.venue_id, 'infinity')
        ORDER BY o.venue_id DESC, o.received_at DESC, o.order_id DESC
        LIMIT $6
    ) newest
) orders
CROSS JOIN LATERAL (
    SELECT count(*) AS calls, count(*) FILTER (WHERE made.status IS NULL OR made.status >= 500) AS failed_calls,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY made.ms) AS p95_ms
    FROM (
        SELECT o.organization_id, o.order_id FROM orders o
        WHERE o.organization_id = asked.organization_id AND o.order_id >= $4
            AND (o.venue_id, o.received_at) BETWEEN (asked.venue_id, $3) AND (asked.venue_id, 'infinity')
        ORDER BY o.venue_id DESC, o.received_at DESC, o.order_id DESC
        LIMIT $7
    ) newest
    CROSS JOIN LATERAL (
        SELECT e.ms, e.status FROM exchanges e
        WHERE e.organization_id = newest.organization_id AND e.order_id = newest.order_id AND e.exchange_id >= $5
            AND e.peer = 'pos' AND e.direction = 'out'
        ORDER BY e.at DESC
        LIMIT 10
    ) made
) calls
