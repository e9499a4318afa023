-- The console: people who see and steer a hub, how they come in, and what they did. The release before knows none of it.

-- Of organization '*' is who may see all there are: whoever set the hub up. A login is one person's in the whole hub.
CREATE TABLE console_people (
    organization_id text NOT NULL,
    person_id       text NOT NULL,
    login           text NOT NULL,
    role            text NOT NULL CHECK (role IN ('viewer', 'operator', 'developer', 'admin')),
    password_hash   text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT business_now(),
    disabled_at     timestamptz,
    seen_at         timestamptz,
    PRIMARY KEY (organization_id, person_id),
    UNIQUE (organization_id, login)
);
CREATE INDEX console_people_login ON console_people (login);

-- Wrong passwords in a row, by the login's hash; of a login that nobody has by a part of it, so that nobody fills the table.
-- Whoever guesses learns from no lock which logins there are: what nobody has is locked just the same.
CREATE TABLE console_tries (
    organization_id text NOT NULL,
    login_hash      bytea NOT NULL,
    failures        integer NOT NULL DEFAULT 0,
    locked_until    timestamptz,
    tried_at        timestamptz NOT NULL DEFAULT business_now(),
    PRIMARY KEY (organization_id, login_hash)
);

-- Only hashes are kept of what lets somebody in. `agent` is what the browser calls itself.
CREATE TABLE console_sessions (
    organization_id text NOT NULL,
    session_hash    bytea NOT NULL,
    person_id       text NOT NULL,
    agent           text NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL DEFAULT business_now(),
    seen_at         timestamptz NOT NULL DEFAULT business_now(),
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, session_hash),
    FOREIGN KEY (organization_id, person_id) REFERENCES console_people ON DELETE CASCADE
);
CREATE INDEX console_sessions_hash ON console_sessions (session_hash);
CREATE INDEX console_sessions_of ON console_sessions (organization_id, person_id);

-- A link that lets one person in once: a new one, or one who sets a new password.
CREATE TABLE console_invitations (
    organization_id text NOT NULL,
    invitation_hash bytea NOT NULL,
    role            text NOT NULL CHECK (role IN ('viewer', 'operator', 'developer', 'admin')),
    person_id       text,
    made_by         text NOT NULL,
    first           boolean NOT NULL DEFAULT false,
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, invitation_hash)
);
CREATE INDEX console_invitations_hash ON console_invitations (invitation_hash);

-- Who did what in the console: `about` is an id of ours, `call` the admin API's name of it.
CREATE TABLE console_deeds (
    organization_id text NOT NULL,
    deed_id         text NOT NULL,
    at              timestamptz NOT NULL DEFAULT business_now(),
    person          text NOT NULL,
    call            text NOT NULL,
    about           text NOT NULL DEFAULT '',
    outcome         text NOT NULL DEFAULT 'done',
    PRIMARY KEY (organization_id, deed_id)
);
CREATE INDEX console_deeds_newest ON console_deeds (deed_id);

-- Orders that are not over, as the board shows them. Those that wait for somebody to take them all end some time: they are
-- few. Of those in a kitchen, nobody may ever say that they were handed over: the latest are looked at.
CREATE INDEX orders_undecided ON orders (order_id)
    WHERE status IN ('received', 'scheduled', 'awaiting_staff', 'submitting', 'unknown', 'awaiting_pos');
CREATE INDEX orders_in_kitchen ON orders (confirmed_at) WHERE status IN ('confirmed', 'in_prep', 'ready');

-- What failed, as it is found by its cause: orders that the hub or a POS ended, deliveries that were not taken (those
-- that went well at once never enter the index), menus that did not come or were refused.
CREATE INDEX orders_failed ON orders (accept_by)
    WHERE status IN ('rejected', 'failed') OR (status = 'cancelled' AND cancelled_by IN ('hub', 'pos'));
CREATE INDEX deliveries_failing ON deliveries (organization_id, endpoint_id, event_id)
    WHERE last_error IS NOT NULL AND state <> 'delivered';
CREATE INDEX menu_fetches_failed ON menu_fetches (organization_id, venue_id) WHERE outcome IN ('refused', 'unreachable');
-- An order is looked up by the number that its POS or its payment's provider has for it.
CREATE INDEX orders_pos_number ON orders (pos_order_id) WHERE pos_order_id IS NOT NULL;
CREATE INDEX orders_payment_number ON orders (payment_ref) WHERE payment_ref IS NOT NULL;
