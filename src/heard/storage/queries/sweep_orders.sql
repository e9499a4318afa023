-- Forgets some orders that outlived their partition and are over now, with their bodies and history. $1: they were made
-- before this id, $2: and nothing of them came later than this; $3 how many at most.
WITH over AS (
    SELECT organization_id, order_id FROM orders_default
    WHERE order_id < $1 AND next_at IS NULL AND attention IS NULL AND NOT parked
        AND greatest(requested_at, confirmed_at, ready_at) < $2 IS NOT FALSE
    LIMIT $3
    FOR UPDATE SKIP LOCKED
), bodies AS (
    DELETE FROM order_bodies_default b USING over
    WHERE b.organization_id = over.organization_id AND b.order_id = over.order_id
), history AS (
    DELETE FROM order_history_default h USING over
    WHERE h.organization_id = over.organization_id AND h.order_id = over.order_id
)
DELETE FROM orders_default o USING over
WHERE o.organization_id = over.organization_id AND o.order_id = over.order_id
