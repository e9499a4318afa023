-- Leases the menus that are due. $1 how many, $2 venues at their bound, $3 lease in seconds.
WITH picked AS (
    SELECT organization_id, venue_id
    FROM menu_fetches
    WHERE next_at <= (SELECT business_now())
        AND (lease_until IS NULL OR lease_until < clock_timestamp())
        AND venue_id <> ALL ($2::text[])
    ORDER BY next_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE menu_fetches f
SET lease = f.lease + 1, lease_until = clock_timestamp() + make_interval(secs => $3)
FROM picked p
WHERE f.organization_id = p.organization_id AND f.venue_id = p.venue_id
RETURNING f.organization_id, f.venue_id, f.lease, f.failures
