-- A store's newest orders, whatever became of them: its page says how many it accepts. Listings by store read it too.
CREATE INDEX orders_of_store ON orders (organization_id, venue_id, received_at, order_id);
