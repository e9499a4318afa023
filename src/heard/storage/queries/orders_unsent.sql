-- Locks orders of a store of which its POS has heard nothing, and that are due, or wait for it and are due soon; what
-- somebody else is at is left out. $1 organization, $2 venue, $3 how many, $4 what is soon.
WITH due AS (
    SELECT organization_id, order_id FROM orders
    WHERE organization_id = $1 AND venue_id = $2 AND next_at <= (SELECT business_now())
        AND (lease_until IS NULL OR lease_until < clock_timestamp())
        AND status IN ('received', 'submitting') AND ticket = 'not_sent' AND payment = 'none'
        AND NOT held AND NOT parked AND accept_by > (SELECT business_now())
    ORDER BY next_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
), waiting AS (
    SELECT organization_id, order_id FROM orders
    WHERE organization_id = $1 AND venue_id = $2 AND held AND wait_until < $4 AND wait_until < accept_by
        AND (lease_until IS NULL OR lease_until < clock_timestamp())
        AND status IN ('received', 'submitting') AND ticket = 'not_sent' AND payment = 'none' AND NOT parked
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
SELECT organization_id, order_id FROM due
UNION ALL
SELECT organization_id, order_id FROM waiting
LIMIT $3
