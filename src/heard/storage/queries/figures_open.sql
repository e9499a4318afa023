-- How many orders are not over, and how many a person should look at; $1 organizations, null: all there are, $2 for how
-- many seconds one counts that is ready, $3 for how many one that is in a kitchen, $4 up to how many are counted.
SELECT (
    SELECT count(*) FROM (
        SELECT FROM orders
        WHERE status IN ('received', 'scheduled', 'awaiting_staff', 'submitting', 'unknown', 'awaiting_pos')
            AND ($1::text[] IS NULL OR organization_id = ANY ($1::text[]))
        LIMIT $4
    ) waiting
) + (
    SELECT count(*) FROM (
        SELECT status, ready_at FROM orders
        WHERE status IN ('confirmed', 'in_prep', 'ready')
            AND confirmed_at > (SELECT business_now()) - make_interval(secs => $3)
            AND ($1::text[] IS NULL OR organization_id = ANY ($1::text[]))
        ORDER BY confirmed_at DESC
        LIMIT $4
    ) latest
    WHERE status <> 'ready' OR ready_at IS NULL OR ready_at > (SELECT business_now()) - make_interval(secs => $2)
) AS open, (
    SELECT count(*) FROM (
        SELECT FROM orders
        WHERE (attention IS NOT NULL OR parked) AND ($1::text[] IS NULL OR organization_id = ANY ($1::text[]))
        LIMIT $4
    ) matters
) AS attention
