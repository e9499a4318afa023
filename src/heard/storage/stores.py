"""Organizations and their stores in their tables. Secrets stay sealed here."""

import json
from collections.abc import Mapping, Sequence

import asyncpg

from heard import limits
from heard.domain.hours import ServingTime, read_serving_time
from heard.domain.ids import OrganizationId, VenueId
from heard.domain.menu.off import ItemOff
from heard.domain.money import Cents
from heard.domain.pricing.cart import Rounding, TaxPer
from heard.domain.stores import (
    Amounts,
    ConnectorKind,
    PosConnection,
    PriceCheck,
    SignatureScheme,
    Store,
    StoreRules,
    TaxRules,
)
from heard.storage.orders import Connection
from heard.storage.sealing import Sealer
from heard.storage.sql import Values


async def organizations(connection: Connection) -> list[OrganizationId]:
    rows = await connection.fetch(
        "SELECT organization_id FROM organizations ORDER BY created_at, organization_id LIMIT $1", limits.PAGE_MAX
    )
    return [row["organization_id"] for row in rows]


async def is_organization(connection: Connection, named: str) -> bool:
    """Whether there is one of that name."""
    text = "SELECT EXISTS (SELECT FROM organizations WHERE organization_id = $1)"
    found: bool = await connection.fetchval(text, named)
    return found


async def add_organization(connection: Connection, organization_id: OrganizationId) -> None:
    await connection.execute(
        "INSERT INTO organizations (organization_id) VALUES ($1) ON CONFLICT DO NOTHING", organization_id
    )


async def set_taxes(
    connection: Connection, organization_id: OrganizationId, changes: Mapping[str, object]
) -> TaxRules | None:
    """Other tax rules for all stores of an organization, by the names of TaxRules; None: there is no such one."""
    row = await connection.fetchrow(
        "UPDATE organizations SET tax_rounding = coalesce($2, tax_rounding), tax_per = coalesce($3, tax_per)"
        " WHERE organization_id = $1 RETURNING tax_rounding, tax_per",
        organization_id,
        changes.get("rounding"),
        changes.get("per"),
    )
    return _taxes(row) if row else None


def _taxes(row: asyncpg.Record) -> TaxRules:
    return TaxRules(Rounding(row["tax_rounding"]), TaxPer(row["tax_per"]))


async def add_store(connection: Connection, store: Store, sealer: Sealer) -> bool:
    """False when the location has a store already. The menu of a new one is due at once, if it has a POS."""
    done = await connection.execute(
        "WITH added AS (INSERT INTO stores (organization_id, venue_id, location_id, name, currency, timezone, pos_url,"
        " shared_id_sealed, amounts, signature, accept_within_s, prep_time_min, validate_first, total_tolerance,"
        " menu_every_min, price_check, connector, prices_include_tax, serving_times, sandbox)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"
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
        store.rules.prices_include_tax,
        _hours_text(store.serving_times),
        store.rules.sandbox,
    )
    await connection.execute(
        "INSERT INTO pos_health (organization_id, venue_id) SELECT organization_id, venue_id FROM stores"
        " WHERE organization_id = $1 AND venue_id = $2 ON CONFLICT DO NOTHING",
        store.organization_id,
        store.venue_id,
    )
    return done.endswith(" 1")


async def find_store(connection: Connection, venue_id: VenueId, sealer: Sealer) -> Store | None:
    row = await connection.fetchrow(
        "SELECT s.*, o.tax_rounding, o.tax_per,"
        " coalesce((SELECT array_agg(ROW (i.item_id, i.name, i.taken_by, i.off_since, i.off_until) ORDER BY i.item_id)"
        "   FROM items_off i WHERE i.organization_id = s.organization_id AND i.venue_id = s.venue_id"
        "   AND (i.off_until IS NULL OR i.off_until > business_now())), '{}') AS items_off"
        " FROM stores s JOIN organizations o USING (organization_id) WHERE s.venue_id = $1 LIMIT 1",
        venue_id,
    )
    return _store_from(row, sealer) if row else None


async def any_sealed_store(connection: Connection) -> VenueId | None:
    """A store whose SharedId is kept; None when there is none."""
    venue_id: VenueId | None = await connection.fetchval(
        "SELECT venue_id FROM stores WHERE shared_id_sealed IS NOT NULL LIMIT 1"
    )
    return venue_id


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
        " menu_every_min = $7, price_check = $8, prices_include_tax = $9, sandbox = $10"
        " WHERE organization_id = $1 AND venue_id = $2",
        store.organization_id,
        store.venue_id,
        rules.accept_within_s,
        rules.prep_time_min,
        rules.validate_first,
        rules.total_tolerance,
        rules.menu_every_min,
        rules.price_check,
        rules.prices_include_tax,
        rules.sandbox,
    )


async def set_hours(connection: Connection, store: Store, serving_times: Sequence[ServingTime]) -> None:
    """When the store is open from now on; no serving times: always."""
    await connection.execute(
        "UPDATE stores SET serving_times = $3 WHERE organization_id = $1 AND venue_id = $2",
        store.organization_id,
        store.venue_id,
        _hours_text(serving_times),
    )


def read_hours(text: str) -> tuple[ServingTime, ...]:
    """Serving times as they stand in the table."""
    return tuple(read_serving_time(one["days"], one["from"], one["to"]) for one in json.loads(text))


def _hours_text(serving_times: Sequence[ServingTime]) -> str:
    return json.dumps([one.words for one in serving_times])


async def list_stores(
    connection: Connection,
    count: int,
    after: str = "",
    organization_id: OrganizationId | None = None,
    venue_id: VenueId | None = None,
) -> list[asyncpg.Record]:
    """A page of stores for people, or one: no secret, with marketplaces, menu, how many items are off it, rules, pauses
    and their POS's health.

    `pauses` are rows of who, why, since and until, the oldest first.
    """
    values = Values(min(count, limits.PAGE_MAX))
    where = f"s.venue_id > {values(after)}" if venue_id is None else f"s.venue_id = {values(venue_id)}"
    if organization_id is not None:
        where += f" AND s.organization_id = {values(organization_id)}"
    return await connection.fetch(
        "SELECT s.organization_id, s.venue_id, s.location_id, s.name, s.currency, s.timezone, s.connector, s.pos_url,"  # noqa: S608
        " s.amounts, s.signature, s.menu_version, m.product_count AS menu_products, m.fetched_at AS menu_fetched_at,"
        " s.menu_unpublished_at IS NULL AS menu_published, s.accept_within_s, s.prep_time_min, s.validate_first,"
        " s.total_tolerance, s.menu_every_min, s.price_check, s.prices_include_tax, s.sandbox,"
        " s.serving_times, o.tax_rounding, o.tax_per,"
        " coalesce((SELECT array_agg(p.name ORDER BY p.name) FROM connections c JOIN marketplaces p"
        "   USING (organization_id, marketplace_id)"
        "   WHERE c.organization_id = s.organization_id AND c.venue_id = s.venue_id), '{}') AS marketplaces,"
        " coalesce((SELECT array_agg(ROW (p.held_by, p.reason, p.since, p.until) ORDER BY p.since, p.held_by)"
        "   FROM store_pauses p WHERE p.organization_id = s.organization_id AND p.venue_id = s.venue_id"
        "   AND (p.until IS NULL OR p.until > business_now())), '{}') AS pauses,"
        " (SELECT count(*) FROM items_off i WHERE i.organization_id = s.organization_id AND i.venue_id = s.venue_id"
        "   AND (i.off_until IS NULL OR i.off_until > business_now())) AS items_off,"
        " coalesce(h.failures, 0) AS pos_failures, h.open_since AS pos_gone_since, h.probe_at AS pos_next_probe_at,"
        " h.last_answer_at AS pos_last_answer_at, h.last_fault AS pos_last_fault, h.last_fault_at AS pos_last_fault_at"
        " FROM stores s JOIN organizations o ON o.organization_id = s.organization_id"
        " LEFT JOIN pos_health h ON h.organization_id = s.organization_id AND h.venue_id = s.venue_id"
        " LEFT JOIN menus m ON m.organization_id = s.organization_id AND m.venue_id = s.venue_id"
        f" AND m.version = s.menu_version WHERE {where} ORDER BY s.venue_id LIMIT $1",
        *values.given,
    )


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
            prices_include_tax=row["prices_include_tax"],
            sandbox=row["sandbox"],
        ),
        serving_times=read_hours(row["serving_times"]),
        taxes=_taxes(row),
        menu_version=row["menu_version"],
        menu_published=row["menu_unpublished_at"] is None,
        items_off=tuple(ItemOff(*one) for one in row["items_off"]),
    )
