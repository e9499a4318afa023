-- Saves an order that is locked: its row, its history, its events and their deliveries, its exchanges; and that its
-- POS is alive, where that is news (domain/breaker.py: Answered). One statement.
WITH row AS (
    UPDATE orders SET
        accept_by = $3, status = $4, version = $5, sequence = $6, release_at = $7, validation = $8, ticket = $9,
        validate_at = $10, submit_at = $11, pos_order_id = $12, pos_total = $13, confirmed_at = $14, ready_at = $15,
        cancel_wanted = $16, cancelled_by = $17, cancel_at = $18, withdraw_until = $19, reason_code = $20,
        reason = $21, attention = $22, attempts = $23, wait_until = $24, held = $25,
        parked = $26, next_at = $27, pos_ready_at = $54, stalls = 0,
        lease_until = CASE WHEN $28 THEN NULL ELSE lease_until END
    WHERE organization_id = $1 AND order_id = $2
), history AS (
    INSERT INTO order_history (organization_id, order_id, line, at, step, before, after, "by", changed, note)
    SELECT $1, $2,
        coalesce((SELECT max(line) FROM order_history WHERE organization_id = $1 AND order_id = $2), 0) + h.n,
        $29, h.step, h.before, h.after, h."by", h.changed, h.note
    FROM unnest($30::text[], $31::text[], $32::text[], $33::text[], $34::boolean[], $35::text[])
        WITH ORDINALITY AS h (step, before, after, "by", changed, note, n)
), told AS (
    INSERT INTO events (organization_id, event_id, marketplace_id, order_id, sequence, kind, body, created_at)
    SELECT $1, e.event_id, $41, $2, e.sequence, e.kind, e.body, $29
    FROM unnest($36::text[], $37::integer[], $38::text[], $39::bytea[]) AS e (event_id, sequence, kind, body)
    RETURNING event_id, sequence
), sent AS (
    INSERT INTO deliveries (organization_id, event_id, endpoint_id, order_id, subject, sequence, give_up_at, next_at)
    SELECT $1, told.event_id, w.endpoint_id, $2, $2, told.sequence, $40, $29
    FROM told JOIN endpoints w ON w.organization_id = $1 AND w.marketplace_id = $41 AND w.disabled_at IS NULL
), alive AS (
    UPDATE pos_health SET failures = 0, last_answer_at = $29,
        probe_at = CASE WHEN open_since IS NOT NULL THEN $29::timestamptz END
    WHERE organization_id = $1 AND venue_id = $51 AND $52
        AND (failures > 0 OR last_answer_at IS NULL
            OR last_answer_at < $29 - make_interval(secs => $53))
)
INSERT INTO exchanges (organization_id, exchange_id, order_id, at, direction, peer, method, path, status, ms, error)
SELECT $1, x.exchange_id, $2, x.at, x.direction, x.peer, x.method, x.path, x.status, x.ms, x.error
FROM unnest(
    $42::text[], $43::timestamptz[], $44::text[], $45::text[], $46::text[], $47::text[], $48::integer[],
    $49::double precision[], $50::text[]
) AS x (exchange_id, at, direction, peer, method, path, status, ms, error)
