-- Menus are fetched on a schedule, and what came of it is kept.

ALTER TABLE stores ADD COLUMN menu_every_min integer NOT NULL DEFAULT 15 CHECK (menu_every_min BETWEEN 1 AND 1440);

-- The document is the POS's own, packed; body_hash is of its bytes as they came, changes counts what differs from the
-- version that was in use before.
ALTER TABLE menus ADD COLUMN packing text NOT NULL DEFAULT 'none' CHECK (packing IN ('none', 'zlib'));
ALTER TABLE menus ADD COLUMN body_hash bytea;
ALTER TABLE menus ADD COLUMN changes json NOT NULL DEFAULT '{}';
ALTER TABLE menus ADD COLUMN kept_at timestamptz NOT NULL DEFAULT business_now();
UPDATE menus SET kept_at = fetched_at;

-- When a store's menu is fetched next, by whom now, and what came of the last time. `failures` are those in a row.
CREATE TABLE menu_fetches (
    organization_id text NOT NULL,
    venue_id        text NOT NULL,
    next_at         timestamptz,
    failures        integer NOT NULL DEFAULT 0,
    lease           bigint NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    fetched_at      timestamptz,
    outcome         text CHECK (outcome IN ('kept', 'unchanged', 'refused', 'unreachable')),
    faults          json NOT NULL DEFAULT '[]',
    fault_count     integer NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, venue_id),
    FOREIGN KEY (organization_id, venue_id) REFERENCES stores
) WITH (fillfactor = 80);
CREATE INDEX menu_fetches_due ON menu_fetches (next_at) WHERE next_at IS NOT NULL;

INSERT INTO menu_fetches (organization_id, venue_id, next_at)
SELECT organization_id, venue_id, business_now() FROM stores;
