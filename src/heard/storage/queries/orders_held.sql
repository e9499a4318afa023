-- Locks orders of a store whose calls wait for its POS; what somebody else is at is left out. $1 organization, $2 venue,
-- $3 how many.
SELECT organization_id, order_id FROM orders
WHERE organization_id = $1 AND venue_id = $2 AND held
ORDER BY order_id
LIMIT $3
FOR UPDATE SKIP LOCKED
