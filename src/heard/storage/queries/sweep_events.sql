-- Forgets some events that outlived their partition, made before $1, but those of an order that is kept and those that are
-- on their way to somebody; $2 how many at most.
DELETE FROM events_default
WHERE ctid = ANY (ARRAY(
    SELECT e.ctid FROM events_default e
    WHERE e.event_id < $1
        AND NOT EXISTS (
            SELECT FROM orders_default o WHERE o.organization_id = e.organization_id AND o.order_id = e.order_id
        )
        AND NOT EXISTS (
            SELECT FROM deliveries d
            WHERE d.organization_id = e.organization_id AND d.event_id = e.event_id AND d.state = 'due'
        )
    LIMIT $2
))
