-- Orders that are due, fairly between stores, the first to take first; some more than are wanted, since others take some
-- at the same time. $1 how many, $2 how many a store, $3 how many to look at, $4 venues that are at their bound already.
-- A few of the oldest are looked at first: in a rush they are of stores enough that none has more than a quarter of what
-- is wanted. Only where they are not, and more are due behind them, is it the many.
WITH near AS MATERIALIZED (
    SELECT organization_id, order_id, next_at,
        row_number() OVER (PARTITION BY organization_id, venue_id ORDER BY next_at) AS turn
    FROM (
        SELECT organization_id, order_id, venue_id, next_at
        FROM orders
        WHERE next_at <= (SELECT business_now())
            AND (lease_until IS NULL OR lease_until < clock_timestamp())
            AND venue_id <> ALL ($4::text[])
        ORDER BY next_at
        LIMIT $1::integer * 4
    ) AS oldest
), enough AS (
    SELECT count(*) < $1 * 4 OR count(*) FILTER (WHERE turn <= least($2, greatest(1, $1 / 4))) >= $1 AS so FROM near
), turns AS (
    SELECT * FROM near WHERE (SELECT so FROM enough)
    UNION ALL
    SELECT organization_id, order_id, next_at,
        row_number() OVER (PARTITION BY organization_id, venue_id ORDER BY next_at) AS turn
    FROM (
        SELECT organization_id, order_id, venue_id, next_at
        FROM orders
        WHERE next_at <= (SELECT business_now())
            AND (lease_until IS NULL OR lease_until < clock_timestamp())
            AND venue_id <> ALL ($4::text[])
        ORDER BY next_at
        LIMIT $3
    ) AS oldest
    WHERE NOT (SELECT so FROM enough)
)
SELECT organization_id, order_id FROM turns WHERE turn <= $2 ORDER BY turn, next_at LIMIT $1::integer * 4
