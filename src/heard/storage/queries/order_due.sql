-- Orders that are due and free: the oldest, and the newest of them, since behind thousands of one store's another's has
-- just become due. The oldest first. $1 how many of the oldest, $2 of the newest, $3 venues that are at their bound.
SELECT organization_id, order_id, venue_id FROM (
    (
        SELECT organization_id, order_id, venue_id, next_at
        FROM orders
        WHERE next_at <= (SELECT business_now())
            AND (lease_until IS NULL OR lease_until < clock_timestamp())
            AND venue_id <> ALL ($3::text[])
        ORDER BY next_at
        LIMIT $1
    )
    UNION
    (
        SELECT organization_id, order_id, venue_id, next_at
        FROM orders
        WHERE next_at <= (SELECT business_now())
            AND (lease_until IS NULL OR lease_until < clock_timestamp())
            AND venue_id <> ALL ($3::text[])
        ORDER BY next_at DESC
        LIMIT $2
    )
) AS both_ends
ORDER BY next_at
