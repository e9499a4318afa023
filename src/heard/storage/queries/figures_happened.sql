-- What happened from $2 until before $3, a row for each: orders that came in, what became of orders, calls to their POSes.
-- $1 organizations, null: all there are; $4 and $5 the least and the greatest order, $6 and $7 event, $8 and $9 exchange
-- that are looked at: they name the partitions, and are the way in. $10 time zones of stores, with $11 the day that it is
-- there at $2, and $12 when the next one begins, if that is before $3. `step` is a tenth of a decade of milliseconds.
WITH whose AS (
    SELECT array_agg(organization_id) AS ids FROM organizations
    WHERE $1::text[] IS NULL OR organization_id = ANY ($1::text[])
), zones AS MATERIALIZED (
    SELECT * FROM unnest($10::text[], $11::date[], $12::timestamptz[]) AS z (timezone, day, next_at)
), happened AS (
    SELECT o.organization_id, o.venue_id, o.marketplace_id, o.received_at AS at, 'received' AS what,
        NULL::double precision AS ms
    FROM orders o
    WHERE o.organization_id = ANY ((SELECT ids FROM whose)::text[])
        AND o.received_at >= $2 AND o.received_at < $3 AND o.order_id >= $4 AND o.order_id < $5
    UNION ALL
    SELECT o.organization_id, o.venue_id, o.marketplace_id, e.created_at,
        CASE WHEN e.kind = 'rejected' AND o.status = 'failed' THEN 'failed' ELSE e.kind END,
        CASE WHEN e.kind = 'confirmed'
            THEN extract(epoch FROM e.created_at - greatest(o.received_at, o.release_at)) * 1000 END
    FROM events e
    JOIN orders o ON o.organization_id = e.organization_id AND o.order_id = e.order_id
    WHERE e.organization_id = ANY ((SELECT ids FROM whose)::text[]) AND e.event_id >= $6 AND e.event_id < $7
        AND e.created_at >= $2 AND e.created_at < $3 AND e.kind IN ('confirmed', 'rejected', 'cancelled')
    UNION ALL
    SELECT o.organization_id, o.venue_id, o.marketplace_id, x.at,
        CASE WHEN x.status IS NULL THEN 'call_unanswered' WHEN x.status >= 500 THEN 'call_failed' ELSE 'call_answered' END,
        x.ms
    FROM exchanges x
    JOIN orders o ON o.organization_id = x.organization_id AND o.order_id = x.order_id
    WHERE x.organization_id = ANY ((SELECT ids FROM whose)::text[]) AND x.exchange_id >= $8 AND x.exchange_id < $9
        AND x.at >= $2 AND x.at < $3 AND x.direction = 'out' AND x.peer = 'pos'
)
SELECT h.organization_id, h.venue_id, h.marketplace_id, h.at, h.what,
    CASE WHEN h.at >= z.next_at THEN z.day + 1 ELSE coalesce(z.day, (h.at AT TIME ZONE 'UTC')::date) END AS day,
    CASE WHEN h.ms IS NULL THEN 0 ELSE least(99, floor(10 * log(greatest(1, h.ms))))::smallint END AS step
FROM happened h
JOIN stores s ON s.organization_id = h.organization_id AND s.venue_id = h.venue_id
LEFT JOIN zones z ON z.timezone = s.timezone
