"""Payments that were begun, and each organization's provider, in their tables. Secrets stay sealed here."""

from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from heard import limits
from heard.domain.ids import MarketplaceId, OrganizationId, PaymentId, SingularPointId, VenueId
from heard.domain.money import Cents
from heard.domain.payments import ProviderKind
from heard.storage.orders import Connection


@dataclass(frozen=True, slots=True)
class Payment:
    """What a payment's hash is bound to. `method` and `hash` never show in a repr."""

    organization_id: OrganizationId
    payment_id: PaymentId
    marketplace_id: MarketplaceId
    venue_id: VenueId
    singular_point_id: SingularPointId
    hash: str = field(repr=False)
    amount: Cents
    currency: str
    menu_version: str | None
    payment_method: str | None = field(repr=False)
    provider: ProviderKind
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """An organization's provider; `kind` None: it has none, and no payment begins."""

    organization_id: OrganizationId
    kind: ProviderKind | None
    url: str | None
    secret_sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A payment that was looked for. `is_used`: its order is there already."""

    payment: Payment
    is_used: bool
    now: datetime


_COLUMNS = (
    "organization_id, payment_id, marketplace_id, venue_id, singular_point_id, hash, amount, currency, menu_version,"
    " payment_method, provider, created_at, expires_at"
)


async def add(connection: Connection, payment: Payment) -> None:
    await connection.execute(
        f"INSERT INTO payments ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",  # noqa: S608
        payment.organization_id,
        payment.payment_id,
        payment.marketplace_id,
        payment.venue_id,
        payment.singular_point_id,
        payment.hash,
        payment.amount,
        payment.currency,
        payment.menu_version,
        payment.payment_method,
        payment.provider,
        payment.created_at,
        payment.expires_at,
    )


async def sweep(connection: Connection) -> None:
    """Forget a few payments that expired a day ago and were never used; those of an order stay with it."""
    unused = await connection.fetch(
        "SELECT p.organization_id, p.payment_id"
        " FROM payments p WHERE p.expires_at < business_now() - interval '1 day' AND NOT EXISTS ("
        "   SELECT 1 FROM orders o WHERE o.organization_id = p.organization_id"
        "   AND o.order_id = 'ord_' || substr(p.payment_id, 5))"
        " ORDER BY p.expires_at LIMIT $1",
        limits.PAYMENTS_SWEPT,
    )
    if unused:
        await connection.execute(
            "DELETE FROM payments"
            " WHERE (organization_id, payment_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
            [row["organization_id"] for row in unused],
            [row["payment_id"] for row in unused],
        )


async def find(connection: Connection, organization_id: OrganizationId, hash_: str) -> Found | None:
    """The payment that has a hash."""
    row = await connection.fetchrow(
        "SELECT p.*, business_now() AS now, EXISTS (SELECT 1 FROM orders o WHERE o.organization_id = p.organization_id"
        " AND o.order_id = 'ord_' || substr(p.payment_id, 5)) AS is_used"
        " FROM payments p WHERE p.organization_id = $1 AND p.hash = $2",
        organization_id,
        hash_,
    )
    return Found(_payment_from(row), row["is_used"], row["now"]) if row else None


async def read(connection: Connection, organization_id: OrganizationId, payment_id: PaymentId) -> Payment | None:
    row = await connection.fetchrow(
        "SELECT * FROM payments WHERE organization_id = $1 AND payment_id = $2", organization_id, payment_id
    )
    return _payment_from(row) if row else None


async def read_provider(connection: Connection, organization_id: OrganizationId) -> ProviderSettings | None:
    """An organization's provider; None where there is no such organization."""
    row = await connection.fetchrow(
        "SELECT payment_provider, payment_url, payment_secret_sealed FROM organizations WHERE organization_id = $1",
        organization_id,
    )
    if row is None:
        return None
    kind = ProviderKind(row["payment_provider"]) if row["payment_provider"] else None
    return ProviderSettings(organization_id, kind, row["payment_url"], row["payment_secret_sealed"])


async def set_provider(connection: Connection, settings: ProviderSettings) -> bool:
    """False where there is no such organization. Without a secret the one that is there stays."""
    done = await connection.execute(
        "UPDATE organizations SET payment_provider = $2, payment_url = $3,"
        " payment_secret_sealed = coalesce($4, payment_secret_sealed) WHERE organization_id = $1",
        settings.organization_id,
        settings.kind,
        settings.url,
        settings.secret_sealed,
    )
    return done.endswith(" 1")


def _payment_from(row: asyncpg.Record) -> Payment:
    values = {name: row[name] for name in _COLUMNS.split(", ")}
    return Payment(**{**values, "provider": ProviderKind(row["provider"])})
