-- A ticket is taken back from the POS: who cancelled, the time that every retry of the cancel states, until when.
ALTER TABLE orders
    ADD COLUMN cancelled_by   text,
    ADD COLUMN cancel_at      timestamptz,
    ADD COLUMN withdraw_until timestamptz;
-- A wish of before this release keeps no name; only channels could wish.
UPDATE orders SET cancelled_by = 'channel' WHERE cancel_wanted IS NOT NULL;
CREATE INDEX orders_attention ON orders (received_at DESC, order_id DESC) WHERE attention IS NOT NULL OR parked;
