-- What happened in each hour that is over, counted once: the console's figures of a day and a month. The release before
-- neither writes nor reads any of it. docs/why/console.md.

-- `venue_id` and `marketplace_id`: one of the two, or neither: '' is all there are. `day`: of the store's own clock.
-- `step`: how long it took, for what takes time (domain/figures.py).
CREATE TABLE figures (
    organization_id text NOT NULL,
    venue_id        text NOT NULL,
    marketplace_id  text NOT NULL,
    at              timestamptz NOT NULL,
    day             date NOT NULL,
    what            text NOT NULL,
    step            smallint NOT NULL,
    count           integer NOT NULL,
    PRIMARY KEY (organization_id, venue_id, marketplace_id, at, day, what, step)
);
CREATE INDEX figures_at ON figures USING brin (at);

-- One row, of organization '*': the hours before `until` are counted, of all organizations.
CREATE TABLE figures_counted (
    organization_id text NOT NULL,
    until           timestamptz NOT NULL,
    PRIMARY KEY (organization_id)
);
