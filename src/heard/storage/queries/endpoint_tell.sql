-- Writes an event about an endpoint: into its marketplace's feed, and to the marketplace's other endpoints, due now.
-- The event goes behind the last one in the feed, whichever transaction had its number first (see orders_save.sql).
-- $1 organization, $2 event, $3 marketplace, $4 the endpoint, $5 sequence, $6 kind, $7 body, $8 now, $9 until when.
WITH told AS (
    INSERT INTO events (organization_id, event_id, marketplace_id, endpoint_id, sequence, kind, body, created_at, xid)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, greatest(pg_current_xact_id(), (
        SELECT last.xid FROM events last
        WHERE last.organization_id = $1 AND last.marketplace_id = $3
        ORDER BY last.xid DESC
        LIMIT 1
    ))
)
INSERT INTO deliveries (organization_id, event_id, endpoint_id, subject, sequence, give_up_at, next_at)
SELECT $1, $2, w.endpoint_id, $4, $5, $9, $8
FROM endpoints w
WHERE w.organization_id = $1 AND w.marketplace_id = $3 AND w.endpoint_id <> $4 AND w.disabled_at IS NULL
