-- Records calls about orders that change nothing else. One array a column.
INSERT INTO exchanges (organization_id, exchange_id, order_id, at, direction, peer, method, path, status, ms, error)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::integer[], $10::double precision[], $11::text[]
)
