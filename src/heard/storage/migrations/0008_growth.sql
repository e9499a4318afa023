-- What growing needs of the tables as they are; the release before does not see it.

-- What every id made at a time or after it sorts behind: domain/ids.py, ids_from.
CREATE FUNCTION ids_from(prefix text, at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$
        SELECT prefix || '_' || string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', (ms >> shift & 31)::integer + 1, 1), ''
            ORDER BY shift DESC)
        FROM floor(extract(epoch FROM at) * 1000) AS epoch_ms, CAST(epoch_ms AS bigint) AS ms, generate_series(0, 45, 5) AS shift
    $$;

-- Behind which transaction's events an order's next ones go in the feed: the newest that has saved it.
ALTER TABLE orders ADD COLUMN feed_xid xid8;
UPDATE orders SET feed_xid = pg_current_xact_id() WHERE next_at IS NOT NULL;

-- The trace that an order came with, and so its events: W3C's traceparent. Null: it is not traced.
ALTER TABLE orders ADD COLUMN trace text;
ALTER TABLE events ADD COLUMN trace text;
