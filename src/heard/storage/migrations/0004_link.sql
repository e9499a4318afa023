-- Link complete: clients that rotate, stores that staff run by hand, menus that are published, events that can be read.

-- An OAuth client has two secrets while one rotates, asks for no more than its scopes, and can be shut out.
ALTER TABLE marketplaces
    ADD COLUMN old_secret_hash  bytea,
    ADD COLUMN old_secret_until timestamptz,
    ADD COLUMN scopes           text[] NOT NULL DEFAULT '{orders,menus,stores,events}',
    ADD COLUMN disabled_at      timestamptz;
CREATE INDEX access_tokens_of ON access_tokens (organization_id, marketplace_id);

-- Who may use the admin API. Only the key's hash is kept.
CREATE TABLE admin_keys (
    organization_id text NOT NULL REFERENCES organizations,
    key_id          text NOT NULL,
    name            text NOT NULL,
    key_hash        bytea NOT NULL,
    scopes          text[] NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT business_now(),
    expires_at      timestamptz,
    revoked_at      timestamptz,
    PRIMARY KEY (organization_id, key_id),
    UNIQUE (organization_id, key_hash)
);
CREATE INDEX admin_keys_hash ON admin_keys (key_hash);

-- A store without a POS is run by its staff's hands. What a marketplace's prices may differ from the menu's.
ALTER TABLE stores
    ADD COLUMN connector text NOT NULL DEFAULT 'posnext' CHECK (connector IN ('posnext', 'manual')),
    ADD COLUMN price_check text NOT NULL DEFAULT 'refuse' CHECK (price_check IN ('accept', 'refuse')),
    ADD COLUMN menu_unpublished_at timestamptz;
-- Who had no say in it until now keeps what it had.
UPDATE stores SET price_check = 'accept';

-- Such a store has no POS connection.
ALTER TABLE stores
    ALTER COLUMN pos_url DROP NOT NULL,
    ALTER COLUMN shared_id_sealed DROP NOT NULL,
    ADD CONSTRAINT stores_pos CHECK ((connector = 'posnext') = (pos_url IS NOT NULL AND shared_id_sealed IS NOT NULL));
-- What the POS estimated last: staff may have said otherwise since, and its repeating itself does not undo that.
ALTER TABLE orders ADD COLUMN pos_ready_at timestamptz;

-- A pause that ends by itself is lifted, and told, when its time comes.
ALTER TABLE store_pauses ADD COLUMN lease_until timestamptz;
CREATE INDEX store_pauses_end ON store_pauses (until) WHERE until IS NOT NULL;

-- Where an order's prices are not the menu's: the places, as JSON. Null: nowhere.
ALTER TABLE order_bodies ADD COLUMN price_differences json;

-- The feed's order. A number alone could be passed by before it is committed; below the oldest transaction that still
-- runs, nothing can be added any more.
ALTER TABLE events
    ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
CREATE INDEX events_feed ON events (organization_id, marketplace_id, xid, position);
-- Whoever is connected to a store once more is told what has changed since: was it told anything before?
CREATE INDEX events_of_store ON events (organization_id, venue_id, marketplace_id) WHERE venue_id IS NOT NULL;

-- An endpoint has two secrets while one rotates, is disabled when it has failed for too long, and counts what it was
-- told about. One that was removed stays disabled for ever: what was on its way to it can still be looked up.
ALTER TABLE endpoints
    ADD COLUMN old_secret_sealed bytea,
    ADD COLUMN old_secret_until  timestamptz,
    ADD COLUMN failing_since     timestamptz,
    ADD COLUMN failures          integer NOT NULL DEFAULT 0,
    ADD COLUMN disabled_why      text,
    ADD COLUMN removed_at        timestamptz,
    ADD COLUMN sequence          integer NOT NULL DEFAULT 0;
ALTER TABLE events
    ADD COLUMN endpoint_id text,
    DROP CONSTRAINT events_about_one,
    ADD CONSTRAINT events_about_one CHECK (num_nonnulls(order_id, venue_id, endpoint_id) = 1);

-- What is due is found endpoint by endpoint, so that a long queue of one is no work for the others.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (organization_id, endpoint_id, next_at) WHERE next_at IS NOT NULL;
ALTER TABLE deliveries ADD COLUMN dead_at timestamptz;
-- Dead letters are listed, and sent again, event by event.
CREATE INDEX deliveries_dead ON deliveries (organization_id, event_id) WHERE state = 'dead';
-- Each attempt to deliver an event can be shown with it.
ALTER TABLE exchanges
    ADD COLUMN event_id    text,
    ADD COLUMN endpoint_id text;
CREATE INDEX exchanges_of_event ON exchanges (organization_id, event_id) WHERE event_id IS NOT NULL;
