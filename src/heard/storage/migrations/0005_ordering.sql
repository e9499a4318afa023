-- The Ordering API: applications, where orders are placed to, opening hours, payments, and each order's arithmetic.

-- A channel is a marketplace, which speaks Link, or an application, which speaks the Ordering API and is known by a key
-- that is no secret: it stands in the brand's own app.
ALTER TABLE marketplaces
    ADD COLUMN protocol        text NOT NULL DEFAULT 'link' CHECK (protocol IN ('link', 'ordering')),
    ADD COLUMN application_key text,
    ADD CONSTRAINT marketplaces_application CHECK ((protocol = 'ordering') = (application_key IS NOT NULL));
CREATE INDEX marketplaces_application_key ON marketplaces (application_key) WHERE application_key IS NOT NULL;

-- How an organization's taxes are rounded, and who holds its guests' money (null: nobody does, and no payment begins).
ALTER TABLE organizations
    ADD COLUMN tax_rounding          text NOT NULL DEFAULT 'half_up' CHECK (tax_rounding IN ('half_up', 'half_even')),
    ADD COLUMN tax_per               text NOT NULL DEFAULT 'line' CHECK (tax_per IN ('line', 'order')),
    ADD COLUMN payment_provider      text CHECK (payment_provider IN ('test', 'stripe')),
    ADD COLUMN payment_secret_sealed bytea,
    ADD COLUMN payment_url           text;

-- Whether a store's prices have the tax in them, and when it is open; no serving times: always.
ALTER TABLE stores
    ADD COLUMN prices_include_tax boolean NOT NULL DEFAULT false,
    ADD COLUMN serving_times      json NOT NULL DEFAULT '[]';

-- Where at a store an order is placed to: a counter, a table, a kitchen's door. One that was removed is only hidden:
-- orders and payments name it.
CREATE TABLE singular_points (
    organization_id   text NOT NULL,
    singular_point_id text NOT NULL,
    venue_id          text NOT NULL,
    name              text NOT NULL,
    order_types       integer[] NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT business_now(),
    removed_at        timestamptz,
    PRIMARY KEY (organization_id, singular_point_id),
    FOREIGN KEY (organization_id, venue_id) REFERENCES stores
);
CREATE INDEX singular_points_of ON singular_points (organization_id, venue_id);
CREATE INDEX singular_points_id ON singular_points (singular_point_id);

-- A payment that was begun: what its hash is bound to. Its order's id is made from its own, so that it pays for one order
-- at most; how far it has come stands in that order's row.
CREATE TABLE payments (
    organization_id   text NOT NULL,
    payment_id        text NOT NULL,
    marketplace_id    text NOT NULL,
    venue_id          text NOT NULL,
    singular_point_id text NOT NULL,
    hash              text NOT NULL,
    amount            bigint NOT NULL CHECK (amount >= 0),
    currency          text NOT NULL,
    menu_version      text,
    payment_method    text,
    provider          text NOT NULL,  -- who holds its money, whatever the organization has set since
    created_at        timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    PRIMARY KEY (organization_id, payment_id),
    UNIQUE (organization_id, hash),
    FOREIGN KEY (organization_id, marketplace_id) REFERENCES marketplaces,
    FOREIGN KEY (organization_id, venue_id) REFERENCES stores
);

-- How far an order's payment has come, and the provider's own name of it.
ALTER TABLE orders
    ADD COLUMN payment            text NOT NULL DEFAULT 'none',
    ADD COLUMN payment_ref        text,
    ADD COLUMN payment_attempts   integer NOT NULL DEFAULT 0,
    ADD COLUMN payment_wait_until timestamptz;

-- The books of the provider that is built in, for trying things out. It is another party: nothing of the hub's reads them.
CREATE TABLE test_charges (
    organization_id text NOT NULL,
    charge_id       text NOT NULL,
    amount          bigint NOT NULL,
    currency        text NOT NULL,
    held            bigint NOT NULL DEFAULT 0 CHECK (held BETWEEN 0 AND amount),
    taken           bigint NOT NULL DEFAULT 0 CHECK (taken BETWEEN 0 AND amount),
    given_back      bigint NOT NULL DEFAULT 0 CHECK (given_back BETWEEN 0 AND taken),
    PRIMARY KEY (organization_id, charge_id)
);
-- What came of each key. `tries`: how often it was asked.
CREATE TABLE test_charge_calls (
    organization_id text NOT NULL,
    key             text NOT NULL,
    charge_id       text NOT NULL,
    tries           integer NOT NULL,
    outcome         text,  -- null: not carried out yet
    PRIMARY KEY (organization_id, key)
);

-- Each call to a provider is recorded as a POS's is.
ALTER TABLE exchanges
    DROP CONSTRAINT exchanges_peer_check,
    ADD CONSTRAINT exchanges_peer_check CHECK (peer IN ('channel', 'pos', 'payment'));

-- An order's arithmetic, where the hub did it: the proof as JSON.
ALTER TABLE order_bodies ADD COLUMN proof bytea;
