-- Accepts a batch of new orders: key, row, body, history and the exchange, or nothing of an order whose key exists.
-- $1..: one array a column; $40 and $41: where to announce that there is work, and the word. Returns the order ids that are new.
WITH incoming AS (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
        $8::timestamptz[], $9::timestamptz[], $10::text[], $11::integer[], $12::timestamptz[], $13::timestamptz[],
        $14::timestamptz[], $15::bytea[], $16::bytea[], $17::bytea[], $18::text[], $38::text[], $39::timestamptz[],
        $42::json[], $43::text[], $44::bytea[], $45::text[]
    ) AS i (
        organization_id, order_id, venue_id, marketplace_id, external_order_id, currency, total,
        received_at, accept_by, status, version, requested_at, release_at,
        next_at, content_hash, content, raw, menu_version, validation, validate_at, price_differences, payment, proof,
        trace
    )
), fresh AS (
    INSERT INTO order_keys (organization_id, marketplace_id, external_order_id, content_hash, order_id)
    SELECT organization_id, marketplace_id, external_order_id, content_hash, order_id FROM incoming
    ON CONFLICT DO NOTHING
    RETURNING organization_id, order_id
), rows AS (
    INSERT INTO orders (
        organization_id, order_id, venue_id, marketplace_id, external_order_id, currency, total,
        received_at, accept_by, status, version, sequence, requested_at, release_at,
        validation, validate_at, ticket, attempts, parked, next_at, payment, trace
    )
    SELECT organization_id, order_id, venue_id, marketplace_id, external_order_id, currency, total,
        received_at, accept_by, status, version, 0, requested_at, release_at,
        validation, validate_at, 'not_sent', 0, false, next_at, payment, trace
    FROM incoming JOIN fresh USING (organization_id, order_id)
), bodies AS (
    INSERT INTO order_bodies (organization_id, order_id, content, raw, menu_version, price_differences, proof)
    SELECT organization_id, order_id, content, raw, menu_version, price_differences, proof
    FROM incoming JOIN fresh USING (organization_id, order_id)
), history AS (
    INSERT INTO order_history (organization_id, order_id, line, at, step, before, after, "by", changed, note)
    SELECT h.organization_id, h.order_id, h.line, h.at, h.step, h.before, h.after, h."by", h.changed, h.note
    FROM unnest(
        $19::text[], $20::text[], $21::integer[], $22::timestamptz[], $23::text[], $24::text[], $25::text[],
        $26::text[], $27::boolean[], $28::text[]
    ) AS h (organization_id, order_id, line, at, step, before, after, "by", changed, note)
    JOIN fresh USING (organization_id, order_id)
), exchanges AS (
    INSERT INTO exchanges (
        organization_id, exchange_id, order_id, at, direction, peer, method, path, status, ms, error, request_id
    )
    SELECT fresh.organization_id, x.exchange_id, fresh.order_id, x.at, x.direction, x.peer, x.method, x.path,
        x.status, x.ms, x.error, x.request_id
    FROM unnest(
        $2::text[], $29::text[], $30::timestamptz[], $31::text[], $32::text[], $33::text[], $34::text[],
        $35::integer[], $36::double precision[], $37::text[], $46::text[]
    ) AS x (order_id, exchange_id, at, direction, peer, method, path, status, ms, error, request_id)
    JOIN fresh ON fresh.order_id = x.order_id
)
SELECT organization_id, order_id, CASE WHEN $40::text IS NOT NULL THEN pg_notify($40, $41) END AS announced FROM fresh
