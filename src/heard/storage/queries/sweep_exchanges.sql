-- Forgets some exchanges that fell between partitions, made before $1; $2 how many at most.
DELETE FROM exchanges_default
WHERE ctid = ANY (ARRAY(SELECT ctid FROM exchanges_default WHERE exchange_id < $1 LIMIT $2))
