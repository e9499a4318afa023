-- How many orders are not over, and how many a person should look at; $1 organizations, null: all there are, $2 for how
-- many seconds one counts that is ready.
SELECT
    (SELECT count(*) FROM orders
        WHERE status NOT IN ('completed', 'rejected', 'failed', 'cancelled')
            AND NOT (status = 'ready' AND ready_at < (SELECT business_now()) - make_interval(secs => $2))
            AND ($1::text[] IS NULL OR organization_id = ANY ($1::text[]))) AS open,
    (SELECT count(*) FROM orders
        WHERE (attention IS NOT NULL OR parked) AND ($1::text[] IS NULL OR organization_id = ANY ($1::text[]))) AS attention
