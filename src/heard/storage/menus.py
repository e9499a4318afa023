"""Menus in their tables: every version that was ever kept, what came of the last fetch, and when the next is due."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import asyncpg

from heard import limits
from heard.domain.ids import OrganizationId, VenueId
from heard.domain.menu.traits import Finding, Severity
from heard.domain.stores import Store
from heard.storage.orders import Connection
from heard.storage.sql import query


class Outcome(StrEnum):
    """What came of a fetch."""

    KEPT = "kept"
    UNCHANGED = "unchanged"
    REFUSED = "refused"  # a menu came, and it has faults: the store keeps the one it had
    UNREACHABLE = "unreachable"  # no menu came


@dataclass(frozen=True, slots=True)
class Fetch:
    """A store's menu leased to whoever fetches it. `lease` fences: only this number may write what came of it."""

    organization_id: OrganizationId
    venue_id: VenueId
    lease: int
    failures: int


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a fetch: `faults` are the first few of `fault_count`."""

    outcome: Outcome
    faults: Sequence[Finding] = ()
    fault_count: int = 0
    failures: int = 0
    next_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LastFetch:
    outcome: Outcome | None
    fetched_at: datetime | None
    faults: tuple[Finding, ...]
    fault_count: int
    failures: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class MenuVersion:
    """A version without its document."""

    version: str
    etag: str | None
    body_hash: bytes | None = field(repr=False)
    product_count: int
    changes: Mapping[str, int]
    kept_at: datetime
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Document:
    """A menu as the POS gave it, packed for the database."""

    packing: str
    packed: bytes = field(repr=False)

    @classmethod
    def pack(cls, body: bytes) -> "Document":
        return cls("zlib", zlib.compress(body, _QUICKLY))

    @property
    def unpacked(self) -> bytes:
        return zlib.decompress(self.packed) if self.packing == "zlib" else self.packed


_QUICKLY = 1  # the level: the rest would cost ten times the time for a fifth less room
_VERSION = "version, etag, body_hash, product_count, changes, kept_at, fetched_at"


async def claim(connection: Connection, count: int, busy_venues: Sequence[str], lease_s: float) -> list[Fetch]:
    """Lease up to `count` stores whose menu is due."""
    rows = await connection.fetch(query("menu_claim"), count, list(busy_venues), lease_s)
    return [Fetch(**dict(row)) for row in rows]


async def take(connection: Connection, store: Store, lease_s: float) -> Fetch:
    """Lease one store's menu now, due or not; whoever was at it writes nothing any more."""
    row = await connection.fetchrow(query("menu_take"), store.organization_id, store.venue_id, lease_s)
    assert row is not None  # every store has its row from the first
    return Fetch(**dict(row))


async def renew(connection: Connection, held: Sequence[Fetch], lease_s: float) -> None:
    """Keep the leases of what a worker is still at."""
    await connection.execute(
        query("menu_renew"),
        [fetch.organization_id for fetch in held],
        [fetch.venue_id for fetch in held],
        [fetch.lease for fetch in held],
        lease_s,
    )


async def settle(connection: Connection, fetch: Fetch, result: Result) -> bool:
    """End a fetch. False when the lease was lost meanwhile: then nothing was written."""
    faults = [
        {"path": one.path, "code": one.code, "severity": one.severity, "message": one.message} for one in result.faults
    ]
    settled: int = await connection.fetchval(
        query("menu_settle"),
        fetch.organization_id,
        fetch.venue_id,
        fetch.lease,
        result.outcome,
        json.dumps(faults),
        result.fault_count,
        result.failures,
        result.next_s,
    )
    return settled == 1


async def keep(
    connection: Connection, store: Store, version: MenuVersion, document: Document, changes: Mapping[str, int]
) -> bool:
    """Store a version and make it the store's current one; one that was kept before becomes current again.

    True when the store's menu is published.
    """
    await connection.execute(
        "INSERT INTO menus"
        " (organization_id, venue_id, version, packing, document, etag, body_hash, product_count, changes)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (organization_id, venue_id, version)"
        " DO UPDATE SET fetched_at = business_now(), etag = $6, body_hash = $7, changes = $9",
        store.organization_id,
        store.venue_id,
        version.version,
        document.packing,
        document.packed,
        version.etag,
        version.body_hash,
        version.product_count,
        json.dumps(dict(changes)),
    )
    published: bool = await connection.fetchval(
        "UPDATE stores SET menu_version = $3 WHERE organization_id = $1 AND venue_id = $2"
        " RETURNING menu_unpublished_at IS NULL",
        store.organization_id,
        store.venue_id,
        version.version,
    )
    return published


async def publish(connection: Connection, store: Store) -> bool:
    """Whatever the store's menu is, now and later, marketplaces may have it. False: they could already."""
    done = await connection.execute(
        "UPDATE stores SET menu_unpublished_at = NULL"
        " WHERE organization_id = $1 AND venue_id = $2 AND menu_unpublished_at IS NOT NULL",
        store.organization_id,
        store.venue_id,
    )
    return done.endswith(" 1")


async def unpublish(connection: Connection, store: Store) -> bool:
    """No marketplace gets the store's menu until it is published. False: none did."""
    done = await connection.execute(
        "UPDATE stores SET menu_unpublished_at = business_now()"
        " WHERE organization_id = $1 AND venue_id = $2 AND menu_unpublished_at IS NULL",
        store.organization_id,
        store.venue_id,
    )
    return done.endswith(" 1")


async def published_version(connection: Connection, store: Store) -> str | None:
    """The version that marketplaces may have now."""
    version: str | None = await connection.fetchval(
        "SELECT menu_version FROM stores WHERE organization_id = $1 AND venue_id = $2 AND menu_unpublished_at IS NULL",
        store.organization_id,
        store.venue_id,
    )
    return version


async def seen_again(connection: Connection, store: Store, version: str, etag: str | None, body_hash: bytes) -> None:
    """A version came again in other bytes, or under another etag."""
    await connection.execute(
        "UPDATE menus SET fetched_at = business_now(), etag = $4, body_hash = $5"
        " WHERE organization_id = $1 AND venue_id = $2 AND version = $3",
        store.organization_id,
        store.venue_id,
        version,
        etag,
        body_hash,
    )


async def current(connection: Connection, store: Store) -> MenuVersion | None:
    """The version that orders are held against now, without its document."""
    row = await connection.fetchrow(
        "SELECT m.version, m.etag, m.body_hash, m.product_count, m.changes, m.kept_at, m.fetched_at"
        " FROM stores s JOIN menus m ON m.organization_id = s.organization_id AND m.venue_id = s.venue_id"
        " AND m.version = s.menu_version WHERE s.organization_id = $1 AND s.venue_id = $2",
        store.organization_id,
        store.venue_id,
    )
    return _version(row) if row else None


async def versions(connection: Connection, store: Store, count: int, before: str | None = None) -> list[MenuVersion]:
    """A page of a store's versions, the one that was in use last first."""
    rows = await connection.fetch(
        f"SELECT {_VERSION} FROM menus m WHERE organization_id = $1 AND venue_id = $2"  # noqa: S608 - our own columns
        " AND ($4::text IS NULL OR (fetched_at, version) < (SELECT fetched_at, version FROM menus"
        "   WHERE organization_id = $1 AND venue_id = $2 AND version = $4))"
        " ORDER BY fetched_at DESC, version DESC LIMIT $3",
        store.organization_id,
        store.venue_id,
        min(count, limits.PAGE_MAX),
        before,
    )
    return [_version(row) for row in rows]


async def read_document(
    connection: Connection, organization_id: OrganizationId, venue_id: VenueId, version: str
) -> Document | None:
    row = await connection.fetchrow(
        "SELECT packing, document AS packed FROM menus WHERE organization_id = $1 AND venue_id = $2 AND version = $3",
        organization_id,
        venue_id,
        version,
    )
    return Document(**dict(row)) if row else None


async def last_fetch(connection: Connection, store: Store) -> LastFetch:
    row = await connection.fetchrow(
        "SELECT outcome, fetched_at, faults, fault_count, failures, next_at FROM menu_fetches"
        " WHERE organization_id = $1 AND venue_id = $2",
        store.organization_id,
        store.venue_id,
    )
    assert row is not None  # every store has its row from the first
    outcome = Outcome(row["outcome"]) if row["outcome"] else None
    faults = tuple(
        Finding(one["path"], one["code"], Severity(one["severity"]), one["message"])
        for one in json.loads(row["faults"])
    )
    return LastFetch(outcome, row["fetched_at"], faults, row["fault_count"], row["failures"], row["next_at"])


def _version(row: asyncpg.Record) -> MenuVersion:
    return MenuVersion(**{**dict(row), "changes": json.loads(row["changes"])})
