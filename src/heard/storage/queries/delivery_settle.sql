-- Ends an attempt, fenced by its lease, and records the exchange with it. Returns whether the lease still held.
WITH settled AS (
    UPDATE deliveries
    SET state = $5, next_at = $6, last_error = $7, lease_until = NULL,
        delivered_at = CASE WHEN $5 = 'delivered' THEN business_now() END
    WHERE organization_id = $1 AND event_id = $2 AND endpoint_id = $3 AND lease = $4 AND state = 'due'
    RETURNING order_id, subject
), recorded AS (
    INSERT INTO exchanges (organization_id, exchange_id, order_id, venue_id, at, direction, peer, method, path, status, ms, error)
    SELECT $1, $8, order_id, CASE WHEN order_id IS NULL THEN subject END, $9, 'out', 'channel', 'POST', $10, $11, $12, $7 FROM settled
), disabled AS (
    UPDATE endpoints SET disabled_at = business_now()
    WHERE organization_id = $1 AND endpoint_id = $3 AND $13 AND disabled_at IS NULL
)
SELECT count(*) FROM settled
