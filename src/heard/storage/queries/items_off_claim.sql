-- Leases what is off and whose time has come, up to $1 of it, of no store of $2; answers with the stores that it is off
-- in. Ending it is safe without the lease; it only keeps several workers from trying the same.
WITH due AS (
    SELECT organization_id, venue_id, item_id FROM items_off
    WHERE off_until <= business_now()
        AND (lease_until IS NULL OR lease_until <= clock_timestamp())
        AND venue_id <> ALL ($2::text[])
    ORDER BY off_until
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), leased AS (
    UPDATE items_off i
    SET lease_until = clock_timestamp() + make_interval(secs => $3)
    FROM due
    WHERE i.organization_id = due.organization_id AND i.venue_id = due.venue_id AND i.item_id = due.item_id
    RETURNING i.organization_id, i.venue_id
)
SELECT DISTINCT organization_id, venue_id FROM leased
