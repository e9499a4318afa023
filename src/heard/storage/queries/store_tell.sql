-- Writes an event about a store: one event a marketplace, one delivery an endpoint, all due now. The arrays: event ids,
-- their marketplaces, and what each of these is told. $10: where in a trace it came about.
-- The event goes behind the last one in the feed, whichever transaction had its number first (see orders_save.sql).
WITH told AS (
    INSERT INTO events (organization_id, event_id, marketplace_id, venue_id, sequence, kind, body, created_at, trace, xid)
    SELECT $1, e.event_id, e.marketplace_id, $2, $3, $4, e.body, $5, $10, greatest(pg_current_xact_id(), (
        SELECT last.xid FROM events last
        WHERE last.organization_id = $1 AND last.marketplace_id = e.marketplace_id
        ORDER BY last.xid DESC
        LIMIT 1
    ))
    FROM unnest($6::text[], $7::text[], $8::bytea[]) AS e (event_id, marketplace_id, body)
    RETURNING event_id, marketplace_id
)
INSERT INTO deliveries (organization_id, event_id, endpoint_id, subject, sequence, give_up_at, next_at)
SELECT $1, told.event_id, w.endpoint_id, $2, $3, $9, $5
FROM told JOIN endpoints w ON w.organization_id = $1 AND w.marketplace_id = told.marketplace_id AND w.disabled_at IS NULL
