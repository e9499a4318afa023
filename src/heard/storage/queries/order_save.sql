-- Saves an order that is locked: its row, its history, its events and their deliveries, its exchanges. One statement.
WITH row AS (
    UPDATE orders SET
        accept_by = $3, status = $4, version = $5, sequence = $6, release_at = $7, validation = $8, ticket = $9,
        validate_at = $10, submit_at = $11, pos_order_id = $12, pos_total = $13, confirmed_at = $14, ready_at = $15,
        cancel_wanted = $16, reason_code = $17, reason = $18, attention = $19, attempts = $20, wait_until = $21,
        parked = $22, next_at = $23, stalls = 0, lease_until = CASE WHEN $24 THEN NULL ELSE lease_until END
    WHERE organization_id = $1 AND order_id = $2
), history AS (
    INSERT INTO order_history (organization_id, order_id, line, at, step, before, after, "by", changed, note)
    SELECT $1, $2,
        coalesce((SELECT max(line) FROM order_history WHERE organization_id = $1 AND order_id = $2), 0) + h.n,
        $25, h.step, h.before, h.after, h."by", h.changed, h.note
    FROM unnest($26::text[], $27::text[], $28::text[], $29::text[], $30::boolean[], $31::text[])
        WITH ORDINALITY AS h (step, before, after, "by", changed, note, n)
), told AS (
    INSERT INTO events (organization_id, event_id, marketplace_id, order_id, sequence, kind, body, created_at)
    SELECT $1, e.event_id, $37, $2, e.sequence, e.kind, e.body, $25
    FROM unnest($32::text[], $33::integer[], $34::text[], $35::bytea[]) AS e (event_id, sequence, kind, body)
    RETURNING event_id, sequence
), sent AS (
    INSERT INTO deliveries (organization_id, event_id, endpoint_id, order_id, sequence, give_up_at, next_at)
    SELECT $1, told.event_id, w.endpoint_id, $2, told.sequence, $36, $25
    FROM told JOIN endpoints w ON w.organization_id = $1 AND w.marketplace_id = $37 AND w.disabled_at IS NULL
)
INSERT INTO exchanges (organization_id, exchange_id, order_id, at, direction, peer, method, path, status, ms, error)
SELECT $1, x.exchange_id, $2, x.at, x.direction, x.peer, x.method, x.path, x.status, x.ms, x.error
FROM unnest(
    $38::text[], $39::timestamptz[], $40::text[], $41::text[], $42::text[], $43::text[], $44::integer[],
    $45::double precision[], $46::text[]
) AS x (exchange_id, at, direction, peer, method, path, status, ms, error)
