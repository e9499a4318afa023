-- The hub's first tables. Every key starts with the organization, so that tables can be distributed or split by it.

-- Business time: the server's clock plus an offset, 0 in production. One row. Leases use the bare clock instead.
CREATE TABLE clock ("offset" interval NOT NULL DEFAULT '0');
INSERT INTO clock DEFAULT VALUES;

CREATE FUNCTION business_now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT clock_timestamp() + "offset" FROM clock';

CREATE TABLE organizations (
    organization_id text PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT business_now()
);

CREATE TABLE stores (
    organization_id   text NOT NULL REFERENCES organizations,
    venue_id          text NOT NULL,
    location_id       text NOT NULL,
    name              text NOT NULL,
    currency          text NOT NULL,
    timezone          text NOT NULL,
    pos_url           text NOT NULL,
    shared_id_sealed  bytea NOT NULL,
    amounts           text NOT NULL CHECK (amounts IN ('minor', 'decimal')),
    signature         text NOT NULL CHECK (signature IN ('digest', 'body')),
    accept_within_s   integer NOT NULL CHECK (accept_within_s > 0),
    prep_time_min     integer NOT NULL CHECK (prep_time_min >= 0),
    validate_first    boolean NOT NULL,
    total_tolerance   bigint NOT NULL CHECK (total_tolerance >= 0),
    menu_version      text,
    created_at        timestamptz NOT NULL DEFAULT business_now(),
    PRIMARY KEY (organization_id, venue_id),
    UNIQUE (organization_id, location_id)
);
CREATE INDEX stores_venue ON stores (venue_id);

CREATE TABLE menus (
    organization_id text NOT NULL,
    venue_id        text NOT NULL,
    version         text NOT NULL,
    document        bytea NOT NULL,
    etag            text,
    product_count   integer NOT NULL,
    fetched_at      timestamptz NOT NULL DEFAULT business_now(),
    PRIMARY KEY (organization_id, venue_id, version),
    FOREIGN KEY (organization_id, venue_id) REFERENCES stores
);
ALTER TABLE menus ALTER COLUMN document SET STORAGE EXTERNAL;

CREATE TABLE marketplaces (
    organization_id    text NOT NULL REFERENCES organizations,
    marketplace_id     text NOT NULL,
    name               text NOT NULL,
    client_secret_hash bytea NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT business_now(),
    PRIMARY KEY (organization_id, marketplace_id),
    UNIQUE (organization_id, name)
);
CREATE INDEX marketplaces_client ON marketplaces (marketplace_id);

-- Where a marketplace wants its events.
CREATE TABLE endpoints (
    organization_id text NOT NULL,
    endpoint_id     text NOT NULL,
    marketplace_id  text NOT NULL,
    url             text NOT NULL,
    secret_sealed   bytea NOT NULL,
    disabled_at     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT business_now(),
    PRIMARY KEY (organization_id, endpoint_id),
    FOREIGN KEY (organization_id, marketplace_id) REFERENCES marketplaces
);
CREATE INDEX endpoints_of ON endpoints (organization_id, marketplace_id);

-- Which marketplace may send orders to which store.
CREATE TABLE connections (
    organization_id text NOT NULL,
    venue_id        text NOT NULL,
    marketplace_id  text NOT NULL,
    connected_at    timestamptz NOT NULL DEFAULT business_now(),
    PRIMARY KEY (organization_id, venue_id, marketplace_id),
    FOREIGN KEY (organization_id, venue_id) REFERENCES stores,
    FOREIGN KEY (organization_id, marketplace_id) REFERENCES marketplaces
);

CREATE TABLE access_tokens (
    organization_id text NOT NULL,
    token_hash      bytea NOT NULL,
    marketplace_id  text NOT NULL,
    scopes          text[] NOT NULL,
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, token_hash)
);
CREATE INDEX access_tokens_hash ON access_tokens (token_hash);
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at);

-- The order's hot row: where it stands, and the work that is due (next_at null: nothing). `lease` fences: it grows
-- with every claim, and only the claim's own number may complete it.
CREATE TABLE orders (
    organization_id   text NOT NULL,
    order_id          text NOT NULL,
    venue_id          text NOT NULL,
    marketplace_id    text NOT NULL,
    external_order_id text NOT NULL,
    currency          text NOT NULL,
    total             bigint NOT NULL,
    received_at       timestamptz NOT NULL,
    accept_by         timestamptz NOT NULL,
    status            text NOT NULL,
    version           integer NOT NULL,
    sequence          integer NOT NULL,
    requested_at      timestamptz,
    release_at        timestamptz,
    validation        text NOT NULL,
    ticket            text NOT NULL,
    validate_at       timestamptz,
    submit_at         timestamptz,
    pos_order_id      text,
    pos_total         bigint,
    confirmed_at      timestamptz,
    ready_at          timestamptz,
    cancel_wanted     text,
    reason_code       text,
    reason            text,
    attention         text,
    attempts          integer NOT NULL,
    wait_until        timestamptz,
    parked            boolean NOT NULL,
    next_at           timestamptz,
    lease             bigint NOT NULL DEFAULT 0,
    lease_until       timestamptz,
    stalls            integer NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, order_id)
) WITH (fillfactor = 80);
CREATE INDEX orders_due ON orders (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX orders_newest ON orders (received_at DESC, order_id DESC);

-- What was ordered, as normalised on receipt, and the bytes as they came. Cold: kept out of the hot row.
CREATE TABLE order_bodies (
    organization_id text NOT NULL,
    order_id        text NOT NULL,
    content         bytea NOT NULL,
    raw             bytea NOT NULL,
    menu_version    text NOT NULL,
    PRIMARY KEY (organization_id, order_id)
);
ALTER TABLE order_bodies ALTER COLUMN content SET STORAGE EXTERNAL, ALTER COLUMN raw SET STORAGE EXTERNAL;

-- One order per marketplace's number, for ever: uniqueness outlives whatever becomes of the orders table.
CREATE TABLE order_keys (
    organization_id   text NOT NULL,
    marketplace_id    text NOT NULL,
    external_order_id text NOT NULL,
    content_hash      bytea NOT NULL,
    order_id          text NOT NULL,
    PRIMARY KEY (organization_id, marketplace_id, external_order_id)
);

-- Every step that was taken, and every late or repeated message (changed = false).
CREATE TABLE order_history (
    organization_id text NOT NULL,
    order_id        text NOT NULL,
    line            integer NOT NULL,
    at              timestamptz NOT NULL,
    step            text NOT NULL,
    before          text,
    after           text NOT NULL,
    "by"            text NOT NULL,
    changed         boolean NOT NULL,
    note            text,
    PRIMARY KEY (organization_id, order_id, line)
);

-- Every call made or answered about an order.
CREATE TABLE exchanges (
    organization_id text NOT NULL,
    exchange_id     text NOT NULL,
    order_id        text NOT NULL,
    at              timestamptz NOT NULL,
    direction       text NOT NULL CHECK (direction IN ('in', 'out')),
    peer            text NOT NULL CHECK (peer IN ('channel', 'pos')),
    method          text NOT NULL,
    path            text NOT NULL,
    status          integer,
    ms              double precision NOT NULL,
    error           text,
    PRIMARY KEY (organization_id, exchange_id)
);
CREATE INDEX exchanges_of ON exchanges (organization_id, order_id, at);

-- What channels are told: written with the change that causes it.
CREATE TABLE events (
    organization_id text NOT NULL,
    event_id        text NOT NULL,
    marketplace_id  text NOT NULL,
    order_id        text NOT NULL,
    sequence        integer NOT NULL,
    kind            text NOT NULL,
    body            bytea NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, event_id)
);
ALTER TABLE events ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX events_of_order ON events (organization_id, order_id, sequence);

-- An event on its way to one endpoint. state: due, delivered, or dead (its ladder is used up; it can be resent).
CREATE TABLE deliveries (
    organization_id text NOT NULL,
    event_id        text NOT NULL,
    endpoint_id     text NOT NULL,
    order_id        text NOT NULL,
    sequence        integer NOT NULL,
    state           text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'delivered', 'dead')),
    give_up_at      timestamptz NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    last_error      text,
    delivered_at    timestamptz,
    next_at         timestamptz,
    lease           bigint NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    PRIMARY KEY (organization_id, event_id, endpoint_id)
) WITH (fillfactor = 80);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_open_of_order ON deliveries (organization_id, endpoint_id, order_id, sequence)
    WHERE state = 'due';
