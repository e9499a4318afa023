-- Saves orders: their rows, their history, their events and the deliveries of these, their exchanges; and that their POS
-- systems are alive, where that is news (domain/breaker.py: Answered). One statement; one array a column.
-- Only those that are as they were when it was decided about them: at that revision, under that lease where there is
-- one ($69), and, where $70 is given, with a clock that is not more seconds off the database's. Returns these.
-- A transaction that waited for a row may have had its number before the one it waited for: its events go behind that
-- one's in the feed all the same (feed_xid). A number that is not finished is never taken.
-- Rows are found by their keys, locked in everybody's order, and then updated where they are: nothing moves them meanwhile,
-- and a planner without statistics finds no worse way. $73 and $74, the least and the greatest order, leave only the
-- partitions that these lie in, before the statement begins: what is left out while it runs crashes PostgreSQL 18 where a
-- locked row has changed (docs/why/growth.md).
WITH incoming AS (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::integer[], $6::integer[], $7::timestamptz[],
        $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::bigint[],
        $14::timestamptz[], $15::timestamptz[], $16::text[], $17::text[], $18::timestamptz[], $19::timestamptz[],
        $20::text[], $21::text[], $22::text[], $23::integer[], $24::timestamptz[], $25::boolean[], $26::boolean[],
        $27::timestamptz[], $28::boolean[], $63::timestamptz[], $64::text[], $65::text[], $66::integer[],
        $67::timestamptz[], $68::integer[], $69::bigint[], $71::timestamptz[]
    ) AS i (
        organization_id, order_id, accept_by, status, version, sequence, release_at,
        validation, ticket, validate_at, submit_at, pos_order_id, pos_total,
        confirmed_at, ready_at, cancel_wanted, cancelled_by, cancel_at, withdraw_until,
        reason_code, reason, attention, attempts, wait_until, held, parked, next_at, release, pos_ready_at,
        payment, payment_ref, payment_attempts, payment_wait_until, revision, lease, at
    )
), place AS MATERIALIZED (
    SELECT organization_id, order_id, revision, lease, tableoid, ctid FROM orders
    WHERE organization_id = ANY ($1::text[]) AND order_id = ANY ($2::text[]) AND order_id BETWEEN $73 AND $74
    ORDER BY organization_id, order_id
    FOR UPDATE
), rows AS (
    UPDATE orders o SET
        accept_by = i.accept_by, status = i.status, version = i.version, sequence = i.sequence,
        release_at = i.release_at, validation = i.validation, ticket = i.ticket, validate_at = i.validate_at,
        submit_at = i.submit_at, pos_order_id = i.pos_order_id, pos_total = i.pos_total,
        confirmed_at = i.confirmed_at, ready_at = i.ready_at, cancel_wanted = i.cancel_wanted,
        cancelled_by = i.cancelled_by, cancel_at = i.cancel_at, withdraw_until = i.withdraw_until,
        reason_code = i.reason_code, reason = i.reason, attention = i.attention, attempts = i.attempts,
        wait_until = i.wait_until, held = i.held, parked = i.parked, next_at = i.next_at,
        pos_ready_at = i.pos_ready_at, payment = i.payment, payment_ref = i.payment_ref,
        payment_attempts = i.payment_attempts, payment_wait_until = i.payment_wait_until, stalls = 0, revision = i.revision + 1,
        feed_xid = greatest(pg_current_xact_id(), o.feed_xid),
        lease_until = CASE WHEN i.release THEN NULL ELSE o.lease_until END
    FROM incoming i JOIN place p ON p.organization_id = i.organization_id AND p.order_id = i.order_id
        AND p.revision = i.revision AND (i.lease IS NULL OR p.lease = i.lease)
        AND ($70::double precision IS NULL OR (SELECT business_now()) - i.at
            BETWEEN make_interval(secs => -$70) AND make_interval(secs => $70))
    WHERE o.tableoid = p.tableoid AND o.ctid = p.ctid AND o.order_id BETWEEN $73 AND $74
    RETURNING o.organization_id, o.order_id, o.revision, o.feed_xid
), history AS (  -- no save has a thousand lines
    INSERT INTO order_history (organization_id, order_id, line, at, step, before, after, "by", changed, note)
    SELECT h.organization_id, h.order_id, rows.revision * 1000 + h.number, h.at, h.step, h.before, h.after, h."by",
        h.changed, h.note
    FROM unnest(
        $29::text[], $30::text[], $31::integer[], $32::timestamptz[], $33::text[], $34::text[], $35::text[],
        $36::text[], $37::boolean[], $38::text[]
    ) AS h (organization_id, order_id, number, at, step, before, after, "by", changed, note)
    JOIN rows USING (organization_id, order_id)
), told AS (
    SELECT e.*, rows.feed_xid FROM unnest(
        $39::text[], $40::text[], $41::text[], $42::timestamptz[], $43::timestamptz[], $44::text[], $45::integer[],
        $46::text[], $47::bytea[], $75::text[]
    ) AS e (organization_id, order_id, marketplace_id, at, give_up_at, event_id, sequence, kind, body, trace)
    JOIN rows USING (organization_id, order_id)
), events AS (
    INSERT INTO events (organization_id, event_id, marketplace_id, order_id, sequence, kind, body, created_at, trace, xid)
    SELECT organization_id, event_id, marketplace_id, order_id, sequence, kind, body, at, trace, feed_xid
    FROM told
    ORDER BY organization_id, order_id, sequence
), sent AS (
    INSERT INTO deliveries (organization_id, event_id, endpoint_id, order_id, subject, sequence, give_up_at, next_at)
    SELECT e.organization_id, e.event_id, w.endpoint_id, e.order_id, e.order_id, e.sequence, e.give_up_at, e.at
    FROM told e
    JOIN endpoints w ON w.organization_id = e.organization_id AND w.marketplace_id = e.marketplace_id
        AND w.disabled_at IS NULL
), living AS (
    SELECT h.organization_id, h.venue_id, l.at
    FROM (
        SELECT a.organization_id, a.venue_id, max(a.at) AS at
        FROM unnest($59::text[], $60::text[], $61::timestamptz[], $72::text[])
            AS a (organization_id, order_id, at, venue_id)
        JOIN rows USING (organization_id, order_id)
        GROUP BY a.organization_id, a.venue_id
    ) AS l
    JOIN pos_health h ON h.organization_id = l.organization_id AND h.venue_id = l.venue_id
    WHERE h.failures > 0 OR h.last_answer_at IS NULL OR h.last_answer_at < l.at - make_interval(secs => $62)
    ORDER BY h.organization_id, h.venue_id
    FOR UPDATE OF h
), alive AS (
    UPDATE pos_health h SET failures = 0, last_answer_at = l.at,
        probe_at = CASE WHEN h.open_since IS NOT NULL THEN l.at END
    FROM living l
    WHERE h.organization_id = l.organization_id AND h.venue_id = l.venue_id
), exchanged AS (
    INSERT INTO exchanges (
        organization_id, exchange_id, order_id, at, direction, peer, method, path, status, ms, error, answer, verdict,
        request_id
    )
    SELECT x.organization_id, x.exchange_id, x.order_id, x.at, x.direction, x.peer, x.method, x.path, x.status, x.ms,
        x.error, x.answer, x.verdict, x.request_id
    FROM unnest(
        $48::text[], $49::text[], $50::text[], $51::timestamptz[], $52::text[], $53::text[], $54::text[], $55::text[],
        $56::integer[], $57::double precision[], $58::text[], $76::bytea[], $77::text[], $78::text[]
    ) AS x (
        organization_id, order_id, exchange_id, at, direction, peer, method, path, status, ms, error, answer, verdict,
        request_id
    )
    JOIN rows USING (organization_id, order_id)
)
SELECT organization_id, order_id, (SELECT business_now()) AS now FROM rows
