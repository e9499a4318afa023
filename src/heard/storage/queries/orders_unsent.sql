-- Locks orders of a store that are due and of which its POS has heard nothing; what somebody else is at is left out.
-- $1 organization, $2 venue, $3 how many.
SELECT organization_id, order_id FROM orders
WHERE organization_id = $1 AND venue_id = $2 AND next_at <= (SELECT business_now())
    AND (lease_until IS NULL OR lease_until < clock_timestamp())
    AND status IN ('received', 'submitting') AND ticket = 'not_sent' AND payment = 'none'
    AND NOT held AND NOT parked AND accept_by > (SELECT business_now())
ORDER BY next_at
LIMIT $3
FOR UPDATE SKIP LOCKED
