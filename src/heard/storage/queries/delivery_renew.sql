-- Renews the leases a worker still holds, in the order in which everybody locks deliveries. $1 organizations, $2 events,
-- $3 endpoints, $4 lease numbers, $5 seconds; 0 gives them back.
UPDATE deliveries d
SET lease_until = clock_timestamp() + make_interval(secs => $5)
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS held (organization_id, event_id, endpoint_id, lease)
CROSS JOIN LATERAL (
    SELECT 1 FROM deliveries
    WHERE deliveries.organization_id = held.organization_id AND deliveries.event_id = held.event_id
        AND deliveries.endpoint_id = held.endpoint_id
    FOR UPDATE
) AS place
WHERE d.organization_id = held.organization_id AND d.event_id = held.event_id AND d.endpoint_id = held.endpoint_id
    AND d.lease = held.lease AND d.lease_until IS NOT NULL
