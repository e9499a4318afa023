-- Seconds until the next order or delivery falls due; null when none waits for a time.
-- What was due before the last moment and is still here is leased, at its store's bound, or behind an earlier event:
-- whoever ends that wakes the worker, and a lease that runs out is found by polling.
SELECT extract(epoch FROM min(at))::double precision FROM (
    SELECT min(next_at) - business_now() AS at FROM orders WHERE next_at > business_now() - interval '50 ms'
    UNION ALL
    SELECT min(next_at) - business_now() FROM deliveries WHERE next_at > business_now() - interval '50 ms'
) AS waits
