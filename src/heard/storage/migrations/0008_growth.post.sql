-- Orders, their bodies and history, events and exchanges are partitioned by time, so that old ones go by dropping a table.
-- Ids sort by the time they were made at: they are the partitions' key, and whoever knows an id looks into one partition.
-- What is there becomes each table's first partition as it is. docs/why/growth.md.

DROP TRIGGER orders_revision ON orders;
ALTER TABLE events ALTER COLUMN position DROP IDENTITY;
CREATE SEQUENCE events_position;
SELECT setval('events_position', (SELECT coalesce(max(position), 0) + 1 FROM events), false);

-- A table becomes the first partition of one that is partitioned, with its indexes; it ends where the second period after
-- now begins, or behind the newest that is in it.
CREATE FUNCTION make_partitioned(name text, key text, prefix text, period text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first text := name || '_first';
    here text := current_schema();
    until text;
    one record;
    made text[] := '{}';
BEGIN
    EXECUTE format('SELECT greatest(ids_from($1, date_trunc($2, greatest(now(), business_now()), %L) + 2 * (''1 '' || $2)::interval),'
        ' max(%I) || ''0'') FROM %I', 'UTC', key, name) INTO until USING prefix, period;
    EXECUTE format('ALTER TABLE %I RENAME TO %I', name, first);
    FOR one IN
        SELECT i.relname, pg_get_indexdef(i.oid) AS definition, c.conname, pg_get_constraintdef(c.oid) AS constraint_definition
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid LEFT JOIN pg_constraint c ON c.conindid = i.oid
        WHERE x.indrelid = first::regclass
    LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', one.relname, replace(one.relname, name, first));
        made := made || CASE
            WHEN one.conname IS NULL THEN replace(one.definition, format(' ON %I.%I ', here, first), format(' ON %I ', name))
            ELSE format('ALTER TABLE %I ADD CONSTRAINT %I %s', name, one.conname, one.constraint_definition)
        END;
    END LOOP;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE) PARTITION BY RANGE (%I)',
        name, first, key);
    FOR i IN 1 .. coalesce(array_length(made, 1), 0) LOOP
        IF made[i] LIKE '%' || first || ' USING%' THEN
            RAISE EXCEPTION 'not understood: %', made[i];
        END IF;
        EXECUTE made[i];
    END LOOP;
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', name, first, until);
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', name || '_default', name);
END
$$;
SELECT make_partitioned('orders', 'order_id', 'ord', 'month');
SELECT make_partitioned('order_bodies', 'order_id', 'ord', 'month');
SELECT make_partitioned('order_history', 'order_id', 'ord', 'month');
SELECT make_partitioned('events', 'event_id', 'evt', 'month');
SELECT make_partitioned('exchanges', 'exchange_id', 'exc', 'week');
DROP FUNCTION make_partitioned;

ALTER TABLE orders_default SET (fillfactor = 80);
ALTER TABLE events ALTER COLUMN position SET DEFAULT nextval('events_position');
ALTER SEQUENCE events_position OWNED BY events.position;
CREATE TRIGGER orders_revision BEFORE UPDATE OF status ON orders
    FOR EACH ROW WHEN (NEW.revision = OLD.revision) EXECUTE FUNCTION count_order_revision();
