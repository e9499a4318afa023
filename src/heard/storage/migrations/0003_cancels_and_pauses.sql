-- A ticket is taken back from the POS: who cancelled, the time that every retry of the cancel states, until when.
ALTER TABLE orders
    ADD COLUMN cancelled_by   text,
    ADD COLUMN cancel_at      timestamptz,
    ADD COLUMN withdraw_until timestamptz;
-- A wish of before this release keeps no name; only channels could wish.
UPDATE orders SET cancelled_by = 'channel' WHERE cancel_wanted IS NOT NULL;
CREATE INDEX orders_attention ON orders (received_at DESC, order_id DESC) WHERE attention IS NOT NULL OR parked;

-- Its next call waits for the store's POS to come back.
ALTER TABLE orders ADD COLUMN held boolean NOT NULL DEFAULT false;
CREATE INDEX orders_held ON orders (organization_id, venue_id) WHERE held;

-- What a store's POS last did. probe_at: the breaker is open and the POS is looked for then, under a lease.
CREATE TABLE pos_health (
    organization_id text NOT NULL,
    venue_id        text NOT NULL,
    failures        integer NOT NULL DEFAULT 0,
    failing_since   timestamptz,
    first_order_id  text,
    several_orders  boolean NOT NULL DEFAULT false,
    open_since      timestamptz,
    probes          integer NOT NULL DEFAULT 0,
    probe_at        timestamptz,
    last_order_id   text,
    last_answer_at  timestamptz,
    last_fault      text,
    last_fault_at   timestamptz,
    lease           bigint NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    PRIMARY KEY (organization_id, venue_id),
    FOREIGN KEY (organization_id, venue_id) REFERENCES stores
) WITH (fillfactor = 80);
CREATE INDEX pos_health_probe ON pos_health (probe_at) WHERE probe_at IS NOT NULL;
INSERT INTO pos_health (organization_id, venue_id) SELECT organization_id, venue_id FROM stores;

-- Who keeps a store from taking orders; it takes them when nobody does. Each lifts its own pause only.
CREATE TABLE store_pauses (
    organization_id text NOT NULL,
    venue_id        text NOT NULL,
    held_by         text NOT NULL,
    reason          text NOT NULL,
    since           timestamptz NOT NULL,
    until           timestamptz,
    PRIMARY KEY (organization_id, venue_id, held_by),
    FOREIGN KEY (organization_id, venue_id) REFERENCES stores
);

-- Events are about an order or about a store; those of one subject go out one after another. A store counts its own.
ALTER TABLE stores ADD COLUMN sequence integer NOT NULL DEFAULT 0;
ALTER TABLE events
    ALTER COLUMN order_id DROP NOT NULL,
    ADD COLUMN venue_id text,
    ADD CONSTRAINT events_about_one CHECK ((order_id IS NULL) <> (venue_id IS NULL));
ALTER TABLE deliveries
    ALTER COLUMN order_id DROP NOT NULL,
    ADD COLUMN subject text;
UPDATE deliveries SET subject = order_id;
ALTER TABLE deliveries ALTER COLUMN subject SET NOT NULL;
DROP INDEX deliveries_open_of_order;
CREATE INDEX deliveries_open_of_subject ON deliveries (organization_id, endpoint_id, subject, sequence)
    WHERE state = 'due';
ALTER TABLE exchanges
    ALTER COLUMN order_id DROP NOT NULL,
    ADD COLUMN venue_id text;
