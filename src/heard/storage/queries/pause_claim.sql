-- Leases up to $1 pauses whose time has come, of no store of $2. Lifting one is safe without the lease; it only keeps
-- several workers from trying the same.
WITH due AS (
    SELECT organization_id, venue_id, held_by FROM store_pauses
    WHERE until <= business_now()
        AND (lease_until IS NULL OR lease_until <= clock_timestamp())
        AND venue_id <> ALL ($2::text[])
    ORDER BY until
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE store_pauses p
SET lease_until = clock_timestamp() + make_interval(secs => $3)
FROM due
WHERE p.organization_id = due.organization_id AND p.venue_id = due.venue_id AND p.held_by = due.held_by
RETURNING p.organization_id, p.venue_id, p.held_by
