-- Forgets some deliveries of events that are kept no more: made before $1, and in no default partition; $2 how many of an
-- organization at most. By their keys, and not by the queue.
DELETE FROM deliveries d
USING (
    SELECT found.* FROM organizations o CROSS JOIN LATERAL (
        SELECT organization_id, event_id, endpoint_id FROM deliveries
        WHERE organization_id = o.organization_id AND event_id < $1 AND coalesce(state <> 'due', true)
            AND NOT EXISTS (
                SELECT FROM events_default e
                WHERE e.organization_id = o.organization_id AND e.event_id = deliveries.event_id
            )
        ORDER BY event_id
        LIMIT $2
    ) AS found
) AS over
WHERE d.organization_id = over.organization_id AND d.event_id = over.event_id AND d.endpoint_id = over.endpoint_id
    AND d.state <> 'due'
