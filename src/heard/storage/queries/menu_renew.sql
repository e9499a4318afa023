-- Renews the leases a worker still holds. $1 organizations, $2 venues, $3 lease numbers, $4 lease in seconds.
UPDATE menu_fetches f
SET lease_until = clock_timestamp() + make_interval(secs => $4)
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS held (organization_id, venue_id, lease)
WHERE f.organization_id = held.organization_id AND f.venue_id = held.venue_id AND f.lease = held.lease
    AND f.lease_until IS NOT NULL
