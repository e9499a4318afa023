-- Ends attempts, each fenced by its lease, and records their exchanges. One array a column; $6 is in how many seconds the
-- next attempt is due, $13 whether the attempt says something about its endpoint.
-- An order's later events wait as long as the one before them, so that a claim need not look at them; once that one is
-- delivered or dead, they are due. They are looked up order by order, in their sequence: a planner whose statistics know
-- of nothing due would else walk through the whole queue for each. Rows are locked in one order for everybody: the order
-- they are given in, each looked up by itself.
-- An endpoint that took one is well; one that took none has failed so many times more.
WITH given AS (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::double precision[], $7::text[], $8::text[],
        $9::timestamptz[], $10::text[], $11::integer[], $12::double precision[], $13::boolean[], $14::bytea[]
    ) AS g (
        organization_id, event_id, endpoint_id, lease, state, delay_s, error, exchange_id, at, path, status, ms, telling,
        answer
    )
), moment AS MATERIALIZED (
    SELECT business_now() AS now
), held AS (
    SELECT g.*, d.order_id, d.subject, d.sequence, m.now, m.now + make_interval(secs => g.delay_s) AS next_at
    FROM given g CROSS JOIN moment m CROSS JOIN LATERAL (
        SELECT d.order_id, d.subject, d.sequence FROM deliveries d
        WHERE d.organization_id = g.organization_id AND d.event_id = g.event_id AND d.endpoint_id = g.endpoint_id
            AND d.lease = g.lease AND coalesce(d.state = 'due', false)  -- by its key, not by the queue
        FOR UPDATE
    ) AS d
), settled AS (
    UPDATE deliveries d
    SET state = h.state, next_at = h.next_at, last_error = h.error, lease_until = NULL,
        delivered_at = CASE WHEN h.state = 'delivered' THEN h.now END,
        dead_at = CASE WHEN h.state = 'dead' THEN h.now END
    FROM held h
    WHERE d.organization_id = h.organization_id AND d.event_id = h.event_id AND d.endpoint_id = h.endpoint_id
), behind AS (
    SELECT later.*, h.event_id AS first_id, h.state, h.now, coalesce(h.next_at, h.now) AS wait_until
    FROM held h CROSS JOIN LATERAL (
        SELECT d.organization_id, d.event_id, d.endpoint_id, d.next_at, d.lease_until FROM deliveries d
        WHERE d.organization_id = h.organization_id AND d.endpoint_id = h.endpoint_id AND d.subject = h.subject
            AND d.state = 'due' AND d.sequence > h.sequence
        ORDER BY d.sequence
    ) AS later
), followers AS (
    UPDATE deliveries d
    SET next_at = f.next_at
    FROM (
        SELECT organization_id, event_id, endpoint_id, state, wait_until AS next_at FROM behind
        WHERE lease_until IS NULL AND CASE WHEN state = 'due' THEN next_at < wait_until ELSE next_at > now END
    ) AS f
    WHERE d.organization_id = f.organization_id AND d.event_id = f.event_id AND d.endpoint_id = f.endpoint_id
        AND coalesce(d.state = 'due', false) AND d.lease_until IS NULL
        AND CASE WHEN f.state = 'due' THEN d.next_at < f.next_at ELSE d.next_at > f.next_at END
), recorded AS (
    INSERT INTO exchanges (
        organization_id, exchange_id, order_id, venue_id, event_id, endpoint_id, at, direction, peer, method, path,
        status, ms, error, answer
    )
    SELECT h.organization_id, h.exchange_id, h.order_id, CASE WHEN starts_with(h.subject, 'ven_') THEN h.subject END,
        h.event_id, h.endpoint_id, h.at, 'out', 'channel', 'POST', h.path, h.status, h.ms, h.error,
        h.answer
    FROM held h
), said AS (
    SELECT organization_id, endpoint_id, min(now) AS now, bool_or(state = 'delivered') AS well, count(*)::integer AS count
    FROM held
    WHERE telling
    GROUP BY organization_id, endpoint_id
    ORDER BY organization_id, endpoint_id
), health AS (
    UPDATE endpoints w
    SET failures = CASE WHEN said.well THEN 0 ELSE w.failures + said.count END,
        failing_since = CASE WHEN said.well THEN NULL ELSE coalesce(w.failing_since, said.now) END
    FROM said
    WHERE w.organization_id = said.organization_id AND w.endpoint_id = said.endpoint_id
        AND (NOT said.well OR w.failing_since IS NOT NULL)
    RETURNING w.organization_id, w.endpoint_id, w.failures, w.failing_since
)
SELECT h.event_id, h.endpoint_id, w.failures, w.failing_since, h.now,
    EXISTS (SELECT FROM behind b WHERE b.first_id = h.event_id AND b.endpoint_id = h.endpoint_id) AS more
FROM held h LEFT JOIN health w ON w.organization_id = h.organization_id AND w.endpoint_id = h.endpoint_id
