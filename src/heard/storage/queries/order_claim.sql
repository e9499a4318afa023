-- Leases orders that are due, fairly between stores. $1 how many, $2 how many a store, $3 how many to look at,
-- $4 venues that are at their bound already, $5 lease in seconds.
-- A few of the oldest are looked at first: in a rush they are of stores enough that none has more than a quarter of what
-- is wanted. Only where they are not, and more are due behind them, is it the many.
-- The newest are always looked at too: behind thousands of one store, another's order has just become due.
-- The due condition stands again where rows are locked: a row that another worker took meanwhile is checked anew.
WITH near AS MATERIALIZED (
    SELECT organization_id, order_id, next_at,
        row_number() OVER (PARTITION BY organization_id, venue_id ORDER BY next_at) AS turn
    FROM (
        (
            SELECT organization_id, order_id, venue_id, next_at
            FROM orders
            WHERE next_at <= (SELECT business_now())
                AND (lease_until IS NULL OR lease_until < clock_timestamp())
                AND venue_id <> ALL ($4::text[])
            ORDER BY next_at
            LIMIT $1::integer * 4
        )
        UNION
        (
            SELECT organization_id, order_id, venue_id, next_at
            FROM orders
            WHERE next_at <= (SELECT business_now())
                AND (lease_until IS NULL OR lease_until < clock_timestamp())
                AND venue_id <> ALL ($4::text[])
            ORDER BY next_at DESC
            LIMIT $1
        )
    ) AS both_ends
), enough AS (
    SELECT count(*) < $1 * 4 OR count(*) FILTER (WHERE turn <= least($2, greatest(1, $1 / 4))) >= $1 AS so FROM near
), turns AS (
    SELECT * FROM near WHERE (SELECT so FROM enough)
    UNION ALL
    SELECT organization_id, order_id, next_at,
        row_number() OVER (PARTITION BY organization_id, venue_id ORDER BY next_at) AS turn
    FROM (
        (
            SELECT organization_id, order_id, venue_id, next_at
            FROM orders
            WHERE next_at <= (SELECT business_now())
                AND (lease_until IS NULL OR lease_until < clock_timestamp())
                AND venue_id <> ALL ($4::text[])
            ORDER BY next_at
            LIMIT $3
        )
        UNION
        (
            SELECT organization_id, order_id, venue_id, next_at
            FROM orders
            WHERE next_at <= (SELECT business_now())
                AND (lease_until IS NULL OR lease_until < clock_timestamp())
                AND venue_id <> ALL ($4::text[])
            ORDER BY next_at DESC
            LIMIT $1
        )
    ) AS both_ends
    WHERE NOT (SELECT so FROM enough)
), picked AS (
    SELECT o.organization_id, o.order_id
    FROM turns t JOIN orders o ON o.organization_id = t.organization_id AND o.order_id = t.order_id
    WHERE t.turn <= $2
        AND o.next_at <= (SELECT business_now())
        AND (o.lease_until IS NULL OR o.lease_until < clock_timestamp())
    ORDER BY t.turn, t.next_at
    LIMIT $1
    FOR UPDATE OF o SKIP LOCKED
)
UPDATE orders o
SET lease = o.lease + 1, lease_until = clock_timestamp() + make_interval(secs => $5), stalls = o.stalls + 1
FROM picked p
WHERE o.organization_id = p.organization_id AND o.order_id = p.order_id
RETURNING o.*, business_now() AS now, (
    SELECT h.probe_at FROM pos_health h
    WHERE h.organization_id = o.organization_id AND h.venue_id = o.venue_id AND h.open_since IS NOT NULL
) AS probe_at
