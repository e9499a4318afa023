-- A store that is for trying out: recorded orders may be edited and sent to it. The release before knows none, and adds
-- none.
ALTER TABLE stores ADD COLUMN sandbox boolean NOT NULL DEFAULT false;
