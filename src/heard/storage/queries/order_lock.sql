-- The order's row, locked, with the business time after the lock was had.
SELECT *, business_now() AS now FROM orders WHERE organization_id = $1 AND order_id = $2 FOR UPDATE
