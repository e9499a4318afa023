-- What is due to an endpoint that is disabled is dead. What is under way ends by itself, and is dead when it is due again.
-- $1 organization, $2 endpoint, $3 why, $4 how many. Returns how many it were.
WITH picked AS (
    SELECT d.event_id FROM deliveries d
    WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.state = 'due'
        AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp())
        AND EXISTS (
            SELECT FROM endpoints w
            WHERE w.organization_id = $1 AND w.endpoint_id = $2 AND w.disabled_at IS NOT NULL
        )
    LIMIT $4
    FOR UPDATE SKIP LOCKED
), buried AS (
    UPDATE deliveries d
    SET state = 'dead', dead_at = business_now(), last_error = $3, next_at = NULL, lease = lease + 1, lease_until = NULL
    FROM picked p
    WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.event_id = p.event_id
    RETURNING 1
)
SELECT count(*) FROM buried
