-- Leases deliveries that are due, one of an order (or of a store) to an endpoint at a time and in the events' order.
-- Endpoints that something waits for are found by leaps in the index, and of each the first few that are due: however
-- long one endpoint's queue, it is no work for the others. One that is failing gets fewer at once. What still waits for
-- one that is disabled is due, whatever its time: whoever disabled it has died before all of it was dead.
-- The first event of an order is looked up for each row: such a subquery is no join that a planner without statistics
-- gets wrong. The events themselves are read afterwards (event_bodies.sql): no partition is to be left out while rows are
-- locked, see orders_save.sql. Where rows are locked, what is asked of them again stands in a coalesce, so that the
-- planner finds them by their key and not by the queue that they are in.
-- $1 how many, $2 how many an endpoint, $3 how many a failing one, $4 and $5 endpoints and how many of each are under way
-- here, $6 lease in seconds.
WITH RECURSIVE waiting AS (
    (
        SELECT organization_id, endpoint_id FROM deliveries
        WHERE next_at IS NOT NULL
        ORDER BY organization_id, endpoint_id
        LIMIT 1
    )
    UNION ALL
    SELECT leap.organization_id, leap.endpoint_id
    FROM waiting w CROSS JOIN LATERAL (
        SELECT d.organization_id, d.endpoint_id FROM deliveries d
        WHERE d.next_at IS NOT NULL AND (d.organization_id, d.endpoint_id) > (w.organization_id, w.endpoint_id)
        ORDER BY d.organization_id, d.endpoint_id
        LIMIT 1
    ) AS leap
), rooms AS (
    SELECT w.organization_id, w.endpoint_id, e.url, e.disabled_at, e.disabled_why, e.secret_sealed,
        CASE WHEN e.old_secret_until > (SELECT business_now()) THEN e.old_secret_sealed END AS old_secret_sealed,
        greatest(0, CASE WHEN e.failing_since IS NULL OR e.disabled_at IS NOT NULL THEN $2::integer ELSE $3::integer END
            - coalesce(held.count, 0)) AS room,
        CASE WHEN e.disabled_at IS NULL THEN (SELECT business_now()) ELSE 'infinity' END AS until
    FROM waiting w
    JOIN endpoints e ON e.organization_id = w.organization_id AND e.endpoint_id = w.endpoint_id
    LEFT JOIN unnest($4::text[], $5::integer[]) AS held (endpoint_id, count) ON held.endpoint_id = w.endpoint_id
), due AS (
    SELECT found.*, r.until, r.url, r.disabled_at, r.disabled_why, r.secret_sealed, r.old_secret_sealed,
        row_number() OVER (PARTITION BY r.organization_id, r.endpoint_id ORDER BY found.next_at) AS turn
    FROM rooms r CROSS JOIN LATERAL (
        SELECT d.organization_id, d.event_id, d.endpoint_id, d.next_at
        FROM deliveries d
        WHERE d.organization_id = r.organization_id AND d.endpoint_id = r.endpoint_id
            AND d.next_at <= r.until
            AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp())
            AND d.sequence = (
                SELECT first.sequence FROM deliveries first
                WHERE first.organization_id = d.organization_id AND first.endpoint_id = d.endpoint_id
                    AND first.subject = d.subject AND first.state = 'due'
                ORDER BY first.sequence
                LIMIT 1
            )
        ORDER BY d.next_at
        LIMIT r.room
    ) AS found
    WHERE r.room > 0
), picked AS (
    SELECT d.organization_id, d.event_id, d.endpoint_id, t.url, t.disabled_at, t.disabled_why, t.secret_sealed,
        t.old_secret_sealed
    FROM due t
    JOIN deliveries d USING (organization_id, event_id, endpoint_id)
    WHERE coalesce(d.next_at <= t.until, false)
        AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp())
    ORDER BY t.turn, t.next_at
    LIMIT $1
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE deliveries d
SET lease = d.lease + 1, lease_until = clock_timestamp() + make_interval(secs => $6), attempts = d.attempts + 1
FROM picked p
WHERE d.organization_id = p.organization_id AND d.event_id = p.event_id AND d.endpoint_id = p.endpoint_id
RETURNING d.organization_id, d.event_id, d.endpoint_id, d.order_id, d.subject, d.attempts, d.lease, d.give_up_at, p.url,
    p.secret_sealed, p.disabled_at, p.disabled_why, p.old_secret_sealed, (SELECT business_now()) AS now
