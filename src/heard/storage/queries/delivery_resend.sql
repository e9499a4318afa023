-- Events go out again, each under its own id, with a fresh ladder, the oldest first. Of an event that an endpoint never
-- had, a delivery is made; one that is under way just now is left alone.
-- $1 organization, $2 and $3 the events and their endpoints, $4 and $5 how long an order's event and another one have.
-- Returns how many are due now.
WITH moment AS MATERIALIZED (
    SELECT business_now() AS now
), wanted AS (
    SELECT e.event_id, w.endpoint_id, e.order_id, coalesce(e.order_id, e.venue_id, e.endpoint_id) AS subject, e.sequence,
        m.now + make_interval(secs => CASE WHEN e.order_id IS NULL THEN $5::double precision ELSE $4 END) AS give_up_at,
        m.now - interval '1 second' + n * interval '1 microsecond' AS next_at
    FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS g (event_id, endpoint_id, n)
    CROSS JOIN LATERAL (
        SELECT * FROM events
        WHERE events.organization_id = $1 AND events.event_id >= g.event_id AND events.event_id <= g.event_id
        ORDER BY events.event_id  -- by its key, as in event_bodies.sql
        LIMIT 1
    ) AS e
    JOIN endpoints w ON w.organization_id = $1 AND w.endpoint_id = g.endpoint_id
        AND w.marketplace_id = e.marketplace_id AND w.disabled_at IS NULL AND w.endpoint_id IS DISTINCT FROM e.endpoint_id
    CROSS JOIN moment m
), sent AS (
    INSERT INTO deliveries AS d (
        organization_id, event_id, endpoint_id, order_id, subject, sequence, give_up_at, next_at
    )
    SELECT $1, event_id, endpoint_id, order_id, subject, sequence, give_up_at, next_at
    FROM wanted
    ORDER BY event_id, endpoint_id
    ON CONFLICT (organization_id, event_id, endpoint_id) DO UPDATE
    SET state = 'due', attempts = 0, last_error = NULL, delivered_at = NULL, dead_at = NULL,
        give_up_at = excluded.give_up_at, next_at = excluded.next_at, lease = d.lease + 1, lease_until = NULL
    WHERE d.state <> 'due' OR d.lease_until IS NULL OR d.lease_until < clock_timestamp()
    RETURNING 1
)
SELECT count(*) FROM sent
