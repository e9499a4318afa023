-- Where in a trace an order came in and an event came about, as W3C's traceparent; null: it was not traced.
ALTER TABLE orders ADD COLUMN trace text;
ALTER TABLE events ADD COLUMN trace text;
