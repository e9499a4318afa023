-- Leases deliveries that are due, one of an order (or of a store) to an endpoint at a time and in the events' order.
-- The first one is looked up for each row: a subquery with LIMIT is no join that a planner without statistics gets wrong.
-- $1 how many, $2 how many an endpoint, $3 how many to look at, $4 endpoints at their bound, $5 lease in seconds.
WITH due AS (
    SELECT organization_id, event_id, endpoint_id, next_at
    FROM deliveries d
    WHERE next_at <= (SELECT business_now())
        AND (lease_until IS NULL OR lease_until < clock_timestamp())
        AND endpoint_id <> ALL ($4::text[])
        AND sequence = (
            SELECT first.sequence FROM deliveries first
            WHERE first.organization_id = d.organization_id AND first.endpoint_id = d.endpoint_id
                AND first.subject = d.subject AND first.state = 'due'
            ORDER BY first.sequence
            LIMIT 1
        )
    ORDER BY next_at
    LIMIT $3
), turns AS (
    SELECT *, row_number() OVER (PARTITION BY organization_id, endpoint_id ORDER BY next_at) AS turn FROM due
), picked AS (
    SELECT d.organization_id, d.event_id, d.endpoint_id
    FROM turns t
    JOIN deliveries d USING (organization_id, event_id, endpoint_id)
    WHERE t.turn <= $2
        AND d.next_at <= (SELECT business_now())
        AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp())
    ORDER BY t.turn, t.next_at
    LIMIT $1
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE deliveries d
SET lease = d.lease + 1, lease_until = clock_timestamp() + make_interval(secs => $5), attempts = d.attempts + 1
FROM picked p, events e, endpoints w
WHERE d.organization_id = p.organization_id AND d.event_id = p.event_id AND d.endpoint_id = p.endpoint_id
    AND e.organization_id = d.organization_id AND e.event_id = d.event_id
    AND w.organization_id = d.organization_id AND w.endpoint_id = d.endpoint_id
RETURNING d.organization_id, d.event_id, d.endpoint_id, d.order_id, d.subject, d.attempts, d.lease, d.give_up_at,
    e.body, w.url, w.secret_sealed, w.disabled_at, business_now() AS now
