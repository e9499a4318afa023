-- A page of a marketplace's events, the oldest first. $1 organization, $2 marketplace, $3 and $4 the place to go on
-- after, $5 how many. Nothing can be added any more below the oldest transaction that still runs: a page ends there, so
-- that what commits late is not passed by.
SELECT e.event_id, e.body, e.xid::text::bigint, e.position
FROM events e
WHERE e.organization_id = $1 AND e.marketplace_id = $2 AND (e.xid, e.position) > ($3::bigint::text::xid8, $4)
    AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY e.xid, e.position
LIMIT $5
