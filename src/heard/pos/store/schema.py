"""The kit's tables. {bytes} is the database's own word; everything else is the same for both.

A callback is what a hub has still to hear of a request: one row each, and news takes the place of what was not heard.
"""

TABLES = (
    """
    CREATE TABLE IF NOT EXISTS pos_requests (
        organization_id text NOT NULL,
        request_type    text NOT NULL,
        request_uid     text NOT NULL,
        body_hash       {bytes} NOT NULL,
        body            {bytes},
        own_organization text NOT NULL,
        own_location    text NOT NULL,
        callback_url    text,
        received_at     double precision NOT NULL,
        attempt         integer NOT NULL,
        lease_until     double precision,
        status          integer,
        answer          {bytes},
        word            text,
        pos_order_id    text,
        deferred        integer NOT NULL DEFAULT 0,
        PRIMARY KEY (request_uid, request_type, organization_id)
    )
    """,
    "CREATE INDEX IF NOT EXISTS pos_requests_open ON pos_requests (lease_until) WHERE status IS NULL",
    "CREATE INDEX IF NOT EXISTS pos_requests_number ON pos_requests (pos_order_id) WHERE pos_order_id IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS pos_requests_age ON pos_requests (received_at)",
    """
    CREATE TABLE IF NOT EXISTS pos_locations (
        organization_id  text NOT NULL,
        location_id      text NOT NULL,
        own_organization text NOT NULL,
        own_location     text NOT NULL,
        PRIMARY KEY (organization_id, location_id)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS pos_callbacks (
        organization_id text NOT NULL,
        request_type    text NOT NULL,
        request_uid     text NOT NULL,
        number          bigint NOT NULL,
        url             text NOT NULL,
        body            {bytes} NOT NULL,
        made_at         double precision NOT NULL,
        attempts        integer NOT NULL,
        next_at         double precision NOT NULL,
        PRIMARY KEY (organization_id, request_type, request_uid)
    )
    """,
    "CREATE INDEX IF NOT EXISTS pos_callbacks_due ON pos_callbacks (next_at)",
)
