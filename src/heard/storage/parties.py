"""Stores, marketplaces, endpoints, connections and tokens in their tables. Secrets stay sealed here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from heard import limits
from heard.domain.ids import EndpointId, LocationId, MarketplaceId, OrganizationId, VenueId
from heard.domain.money import Cents
from heard.domain.stores import Amounts, ConnectorKind, PosConnection, PriceCheck, SignatureScheme, Store, StoreRules
from heard.storage.orders import Connection
from heard.storage.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Marketplace:
    organization_id: OrganizationId
    marketplace_id: MarketplaceId
    name: str
    client_secret_hash: bytes = field(repr=False)


async def organizations(connection: Connection) -> list[OrganizationId]:
    rows = await connection.fetch(
        "SELECT organization_id FROM organizations ORDER BY created_at, organization_id LIMIT $1", limits.PAGE_MAX
    )
    return [row["organization_id"] for row in rows]


async def add_organization(connection: Connection, organization_id: OrganizationId) -> None:
    await connection.execute(
        "INSERT INTO organizations (organization_id) VALUES ($1) ON CONFLICT DO NOTHING", organization_id
    )


async def add_store(connection: Connection, store: Store, sealer: Sealer) -> bool:
    """False when the location has a store already. The menu of a new one is due at once, if it has a POS."""
    done = await connection.execute(
        "WITH added AS (INSERT INTO stores (organization_id, venue_id, location_id, name, currency, timezone, pos_url,"
        " shared_id_sealed, amounts, signature, accept_within_s, prep_time_min, validate_first, total_tolerance,"
        " menu_every_min, price_check, connector)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
        " ON CONFLICT DO NOTHING RETURNING organization_id, venue_id)"
        " INSERT INTO menu_fetches (organization_id, venue_id, next_at)"
        " SELECT organization_id, venue_id, CASE WHEN $7 IS NOT NULL THEN business_now() END FROM added",
        store.organization_id,
        store.venue_id,
        store.location_id,
        store.name,
        store.currency,
        store.timezone,
        store.pos.url if store.pos else None,
        sealer.seal(store.pos.shared_id, f"store {store.venue_id}") if store.pos else None,
        store.pos.amounts if store.pos else Amounts.MINOR,
        store.pos.signature if store.pos else SignatureScheme.DIGEST,
        store.rules.accept_within_s,
        store.rules.prep_time_min,
        store.rules.validate_first,
        store.rules.total_tolerance,
        store.rules.menu_every_min,
        store.rules.price_check,
        store.connector,
    )
    await connection.execute(
        "INSERT INTO pos_health (organization_id, venue_id) SELECT organization_id, venue_id FROM stores"
        " WHERE organization_id = $1 AND venue_id = $2 ON CONFLICT DO NOTHING",
        store.organization_id,
        store.venue_id,
    )
    return done.endswith(" 1")


async def find_store(connection: Connection, venue_id: VenueId, sealer: Sealer) -> Store | None:
    row = await connection.fetchrow("SELECT * FROM stores WHERE venue_id = $1 LIMIT 1", venue_id)
    return _store_from(row, sealer) if row else None


async def any_sealed_store(connection: Connection) -> VenueId | None:
    """A store whose SharedId is kept; None when there is none."""
    venue_id: VenueId | None = await connection.fetchval(
        "SELECT venue_id FROM stores WHERE shared_id_sealed IS NOT NULL LIMIT 1"
    )
    return venue_id


async def find_store_at(
    connection: Connection, organization_id: OrganizationId, location_id: LocationId, sealer: Sealer
) -> Store | None:
    row = await connection.fetchrow(
        "SELECT * FROM stores WHERE organization_id = $1 AND location_id = $2", organization_id, location_id
    )
    return _store_from(row, sealer) if row else None


async def move_store(connection: Connection, store: Store, pos: PosConnection, sealer: Sealer) -> None:
    """The store's POS is reached in another way from now on."""
    await connection.execute(
        "UPDATE stores SET pos_url = $3, shared_id_sealed = $4, amounts = $5, signature = $6"
        " WHERE organization_id = $1 AND venue_id = $2",
        store.organization_id,
        store.venue_id,
        pos.url,
        sealer.seal(pos.shared_id, f"store {store.venue_id}"),
        pos.amounts,
        pos.signature,
    )


async def set_rules(connection: Connection, store: Store, rules: StoreRules) -> None:
    """Other rules for a store's orders and menu from now on; a shorter interval holds from the next fetch."""
    await connection.execute(
        "UPDATE stores SET accept_within_s = $3, prep_time_min = $4, validate_first = $5, total_tolerance = $6,"
        " menu_every_min = $7, price_check = $8 WHERE organization_id = $1 AND venue_id = $2",
        store.organization_id,
        store.venue_id,
        rules.accept_within_s,
        rules.prep_time_min,
        rules.validate_first,
        rules.total_tolerance,
        rules.menu_every_min,
        rules.price_check,
    )


async def move_endpoints(
    connection: Connection, organization_id: OrganizationId, marketplace_id: MarketplaceId, url: str
) -> None:
    await connection.execute(
        "UPDATE endpoints SET url = $3 WHERE organization_id = $1 AND marketplace_id = $2",
        organization_id,
        marketplace_id,
        url,
    )


async def list_stores(
    connection: Connection, count: int, after: str = "", only: VenueId | None = None
) -> list[asyncpg.Record]:
    """A page of stores for people, or one: no secret, with their marketplaces, menu, pauses and their POS's health."""
    return await connection.fetch(
        "SELECT s.organization_id, s.venue_id, s.location_id, s.name, s.currency, s.timezone, s.connector, s.pos_url,"
        " s.amounts, s.signature, s.menu_version, m.product_count AS menu_products, m.fetched_at AS menu_fetched_at,"
        " s.menu_unpublished_at IS NULL AS menu_published,"
        " coalesce((SELECT array_agg(p.name ORDER BY p.name) FROM connections c JOIN marketplaces p"
        "   USING (organization_id, marketplace_id)"
        "   WHERE c.organization_id = s.organization_id AND c.venue_id = s.venue_id), '{}') AS marketplaces,"
        " coalesce((SELECT array_agg(p.held_by ORDER BY p.held_by) FROM store_pauses p"
        "   WHERE p.organization_id = s.organization_id AND p.venue_id = s.venue_id"
        "   AND (p.until IS NULL OR p.until > business_now())), '{}') AS paused_by,"
        " coalesce(h.failures, 0) AS pos_failures, h.open_since AS pos_gone_since, h.probe_at AS pos_next_probe_at,"
        " h.last_answer_at AS pos_last_answer_at, h.last_fault AS pos_last_fault, h.last_fault_at AS pos_last_fault_at"
        " FROM stores s LEFT JOIN pos_health h ON h.organization_id = s.organization_id AND h.venue_id = s.venue_id"
        " LEFT JOIN menus m ON m.organization_id = s.organization_id AND m.venue_id = s.venue_id"
        " AND m.version = s.menu_version WHERE s.venue_id > $2 AND ($3::text IS NULL OR s.venue_id = $3)"
        " ORDER BY s.venue_id LIMIT $1",
        min(count, limits.PAGE_MAX),
        after,
        only,
    )


async def add_marketplace(connection: Connection, marketplace: Marketplace) -> bool:
    """False when the organization has a marketplace of that name already."""
    done = await connection.execute(
        "INSERT INTO marketplaces (organization_id, marketplace_id, name, client_secret_hash)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        marketplace.organization_id,
        marketplace.marketplace_id,
        marketplace.name,
        marketplace.client_secret_hash,
    )
    return done.endswith(" 1")


async def find_client(connection: Connection, client_id: str) -> Marketplace | None:
    """The marketplace that has an OAuth client id."""
    row = await connection.fetchrow(
        "SELECT organization_id, marketplace_id, name, client_secret_hash FROM marketplaces"
        " WHERE marketplace_id = $1 LIMIT 1",
        client_id,
    )
    return Marketplace(**dict(row)) if row else None


async def find_marketplaces(connection: Connection, name_or_id: str) -> list[Marketplace]:
    """Marketplaces by id or by name; a name may stand in several organizations."""
    rows = await connection.fetch(
        "SELECT organization_id, marketplace_id, name, client_secret_hash FROM marketplaces"
        " WHERE marketplace_id = $1 OR name = $1 ORDER BY organization_id LIMIT $2",
        name_or_id,
        limits.PAGE_MAX,
    )
    return [Marketplace(**dict(row)) for row in rows]


async def list_marketplaces(connection: Connection, count: int, after: str = "") -> list[asyncpg.Record]:
    """A page of marketplaces for people: no secret, with endpoints and number of stores."""
    return await connection.fetch(
        "SELECT p.organization_id, p.marketplace_id, p.name,"
        " coalesce((SELECT array_agg(url ORDER BY url) FROM endpoints w WHERE w.organization_id = p.organization_id"
        "   AND w.marketplace_id = p.marketplace_id AND w.disabled_at IS NULL), '{}') AS webhook_urls,"
        " (SELECT count(*) FROM connections c WHERE c.organization_id = p.organization_id"
        "   AND c.marketplace_id = p.marketplace_id) AS stores"
        " FROM marketplaces p WHERE p.marketplace_id > $2 ORDER BY p.marketplace_id LIMIT $1",
        min(count, limits.PAGE_MAX),
        after,
    )


async def add_endpoint(
    connection: Connection, marketplace: Marketplace, endpoint_id: EndpointId, url: str, secret: str, sealer: Sealer
) -> None:
    await connection.execute(
        "INSERT INTO endpoints (organization_id, endpoint_id, marketplace_id, url, secret_sealed)"
        " VALUES ($1, $2, $3, $4, $5)",
        marketplace.organization_id,
        endpoint_id,
        marketplace.marketplace_id,
        url,
        sealer.seal(secret, f"endpoint {endpoint_id}"),
    )


async def connect(
    connection: Connection, organization_id: OrganizationId, venue_id: VenueId, marketplace_id: MarketplaceId
) -> bool:
    """False when they were connected already."""
    done = await connection.execute(
        "INSERT INTO connections (organization_id, venue_id, marketplace_id) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        organization_id,
        venue_id,
        marketplace_id,
    )
    return done.endswith(" 1")


async def disconnect(
    connection: Connection, organization_id: OrganizationId, venue_id: VenueId, marketplace_id: MarketplaceId
) -> bool:
    """False when they were not connected."""
    done = await connection.execute(
        "DELETE FROM connections WHERE organization_id = $1 AND venue_id = $2 AND marketplace_id = $3",
        organization_id,
        venue_id,
        marketplace_id,
    )
    return done.endswith(" 1")


async def add_token(
    connection: Connection, marketplace: Marketplace, token_hash: bytes, scopes: Sequence[str], lifetime_s: int
) -> None:
    """Keep a token's hash, and sweep a few that have expired."""
    await connection.execute(
        "INSERT INTO access_tokens (organization_id, token_hash, marketplace_id, scopes, expires_at)"
        " VALUES ($1, $2, $3, $4, business_now() + make_interval(secs => $5))",
        marketplace.organization_id,
        token_hash,
        marketplace.marketplace_id,
        list(scopes),
        float(lifetime_s),
    )
    await connection.execute(
        "DELETE FROM access_tokens WHERE (organization_id, token_hash) IN (SELECT organization_id, token_hash"
        " FROM access_tokens WHERE expires_at < business_now() - interval '1 hour' LIMIT 100)"
    )


async def find_token(
    connection: Connection, token_hash: bytes
) -> tuple[OrganizationId, MarketplaceId, frozenset[str], float] | None:
    """Whose token this is, what it may do, and for how many seconds yet; None when unknown or expired."""
    row = await connection.fetchrow(
        "SELECT organization_id, marketplace_id, scopes,"
        " extract(epoch FROM expires_at - business_now())::double precision AS left_s FROM access_tokens"
        " WHERE token_hash = $1 AND expires_at > business_now() LIMIT 1",
        token_hash,
    )
    if row is None:
        return None
    return row["organization_id"], row["marketplace_id"], frozenset(row["scopes"]), row["left_s"]


def _store_from(row: asyncpg.Record, sealer: Sealer) -> Store:
    connector = ConnectorKind(row["connector"])
    return Store(
        organization_id=row["organization_id"],
        venue_id=row["venue_id"],
        location_id=row["location_id"],
        name=row["name"],
        currency=row["currency"],
        timezone=row["timezone"],
        connector=connector,
        pos=PosConnection(
            url=row["pos_url"],
            shared_id=sealer.open(row["shared_id_sealed"], f"store {row['venue_id']}"),
            amounts=Amounts(row["amounts"]),
            signature=SignatureScheme(row["signature"]),
        )
        if connector is ConnectorKind.POSNEXT
        else None,
        rules=StoreRules(
            accept_within_s=row["accept_within_s"],
            prep_time_min=row["prep_time_min"],
            validate_first=row["validate_first"],
            total_tolerance=Cents(row["total_tolerance"]),
            menu_every_min=row["menu_every_min"],
            price_check=PriceCheck(row["price_check"]),
        ),
        menu_version=row["menu_version"],
    )
