-- Ends a fetch, fenced by its lease. $4 outcome, $5 its faults, $6 how many, $7 failures in a row, $8 seconds until the
-- next: a store whose menu is not fetched by the clock stays so. Returns whether the lease still held.
WITH settled AS (
    UPDATE menu_fetches
    SET fetched_at = business_now(), outcome = $4, faults = $5, fault_count = $6, failures = $7, lease_until = NULL,
        next_at = CASE WHEN next_at IS NOT NULL THEN business_now() + make_interval(secs => $8) END
    WHERE organization_id = $1 AND venue_id = $2 AND lease = $3
    RETURNING 1
)
SELECT count(*) FROM settled
