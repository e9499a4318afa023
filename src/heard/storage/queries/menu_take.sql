-- Leases one store's menu, due or not. Whoever was at it loses it. $1 organization, $2 venue, $3 lease in seconds.
UPDATE menu_fetches
SET lease = lease + 1, lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE organization_id = $1 AND venue_id = $2
RETURNING organization_id, venue_id, lease, failures
