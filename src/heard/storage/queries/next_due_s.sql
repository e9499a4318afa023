-- Seconds until the next order or delivery falls due; null when none waits for a time.
-- What was due before the last moment and is still here is leased, at its store's bound, or behind an earlier event:
-- whoever ends that wakes the worker, and a lease that runs out is found by polling.
WITH RECURSIVE waiting AS (  -- the endpoints that something waits for, by leaps in the index
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
)
SELECT extract(epoch FROM min(at))::double precision FROM (
    SELECT min(next_at) - business_now() AS at FROM orders WHERE next_at > business_now() - interval '50 ms'
    UNION ALL
    SELECT min(first.next_at) - business_now()
    FROM waiting w CROSS JOIN LATERAL (
        SELECT d.next_at FROM deliveries d
        WHERE d.organization_id = w.organization_id AND d.endpoint_id = w.endpoint_id
            AND d.next_at > business_now() - interval '50 ms'
        ORDER BY d.next_at
        LIMIT 1
    ) AS first
) AS waits
