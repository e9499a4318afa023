-- Leases orders that are due, fairly between stores. $1 how many, $2 how many a store, $3 how many to look at,
-- $4 venues that are at their bound already, $5 lease in seconds.
-- A few of the oldest are looked at first: in a rush they are of stores enough that none has more than a quarter of what
-- is wanted. Only where they are not, and more are due behind them, is it the many.
-- The due condition stands again where rows are locked: a row that another worker took meanwhile is checked anew. They are
-- locked one by one, by turns, until there are enough: a planner that knows of a long queue would else read all of it.
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
), picked AS (
    SELECT o.organization_id, o.order_id
    FROM (SELECT * FROM turns WHERE turn <= $2 ORDER BY turn, next_at) AS t
    CROSS JOIN LATERAL (
        SELECT organization_id, order_id FROM orders
        WHERE orders.organization_id = t.organization_id AND orders.order_id = t.order_id
            AND coalesce(orders.next_at <= (SELECT business_now()), false)  -- by its key, not by the queue
            AND (orders.lease_until IS NULL OR orders.lease_until < clock_timestamp())
        FOR UPDATE SKIP LOCKED
    ) AS o
    LIMIT $1
)
UPDATE orders o
SET lease = o.lease + 1, lease_until = clock_timestamp() + make_interval(secs => $5), stalls = o.stalls + 1
FROM picked p
WHERE o.organization_id = p.organization_id AND o.order_id = p.order_id
RETURNING o.*, (SELECT business_now()) AS now, (  -- once for all of them
    SELECT h.probe_at FROM pos_health h
    WHERE h.organization_id = o.organization_id AND h.venue_id = o.venue_id AND h.open_since IS NOT NULL
) AS probe_at
