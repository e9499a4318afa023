-- What a store's staff have taken off its menu: for a while, or until somebody puts it back. The release before neither
-- writes nor reads it; while both run, its processes still sell what is off. docs/why/stores.md.

-- `item_id`: a product's or a modifier's, as the POS names it; `name`: as it was called then. A row whose `off_until` has
-- come takes nothing off any more, and stays until a worker has told so.
CREATE TABLE items_off (
    organization_id text NOT NULL,
    venue_id        text NOT NULL,
    item_id         text NOT NULL,
    name            text NOT NULL,
    taken_by        text NOT NULL,
    off_since       timestamptz NOT NULL,
    off_until       timestamptz,
    lease_until     timestamptz,
    PRIMARY KEY (organization_id, venue_id, item_id),
    FOREIGN KEY (organization_id, venue_id) REFERENCES stores
);
CREATE INDEX items_off_until ON items_off (off_until) WHERE off_until IS NOT NULL;
