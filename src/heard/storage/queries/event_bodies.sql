-- What deliveries need of their events. $1 organizations, $2 events. In the key's order, so that a planner without
-- statistics takes no other index; between two bounds, so that it is one partition.
SELECT e.*
FROM unnest($1::text[], $2::text[]) AS wanted (organization_id, event_id)
CROSS JOIN LATERAL (
    SELECT event_id, body, kind, trace FROM events
    WHERE events.organization_id = wanted.organization_id
        AND events.event_id >= wanted.event_id AND events.event_id <= wanted.event_id
    ORDER BY events.event_id
    LIMIT 1
) AS e
