-- How often an order was saved. A worker that knows an order at a revision saves what follows from it without reading
-- the row again: engine/change_order.py.
ALTER TABLE orders ADD COLUMN revision integer NOT NULL DEFAULT 1;

-- Whoever saves an order without counting, such as a process of the release before that still runs, is counted.
CREATE FUNCTION count_order_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END
$$;
CREATE TRIGGER orders_revision BEFORE UPDATE OF status ON orders
    FOR EACH ROW WHEN (NEW.revision = OLD.revision) EXECUTE FUNCTION count_order_revision();
