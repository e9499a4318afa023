-- Leases POSes that are to be looked for. $1 how many, $2 venues that are at their bound already, $3 lease in seconds.
WITH due AS (
    SELECT organization_id, venue_id
    FROM pos_health
    WHERE probe_at <= (SELECT business_now())
        AND (lease_until IS NULL OR lease_until < clock_timestamp())
        AND venue_id <> ALL ($2::text[])
    ORDER BY probe_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE pos_health h
SET lease = h.lease + 1, lease_until = clock_timestamp() + make_interval(secs => $3)
FROM due
WHERE h.organization_id = due.organization_id AND h.venue_id = due.venue_id
RETURNING h.*, business_now() AS now
