-- How often an order was saved. A worker that knows an order at a revision saves what follows from it without reading
-- the row again: engine/change_order.py.
ALTER TABLE orders ADD COLUMN revision integer NOT NULL DEFAULT 1;
