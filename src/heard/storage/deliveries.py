"""Deliveries of events to endpoints: leased, settled. One of an order or store to an endpoint at a time, in order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from heard import limits
from heard.domain.ids import EndpointId, EventId, OrderId, OrganizationId
from heard.storage.orders import Connection
from heard.storage.rows import Exchange
from heard.storage.sql import query


class DeliveryState(StrEnum):
    DUE = "due"
    DELIVERED = "delivered"
    DEAD = "dead"  # its ladder is used up; visible, and can be sent again


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event leased to a worker, with all that sending it needs. `attempts` counts this one too."""

    organization_id: OrganizationId
    event_id: EventId
    endpoint_id: EndpointId
    order_id: OrderId | None  # None: it is about a store
    subject: str  # the order's id or the venue's
    attempts: int
    lease: int
    give_up_at: datetime
    body: bytes
    url: str
    secret_sealed: bytes = field(repr=False)
    disabled_at: datetime | None
    now: datetime


async def claim(
    connection: Connection, count: int, per_endpoint: int, busy_endpoints: Sequence[str], lease_s: float
) -> list[Delivery]:
    """Lease up to `count` deliveries that are due, at most `per_endpoint` to one endpoint."""
    scan = limits.CLAIM_SCAN_MAX
    rows = await connection.fetch(query("delivery_claim"), count, per_endpoint, scan, list(busy_endpoints), lease_s)
    return [Delivery(**dict(row)) for row in rows]


async def renew(connection: Connection, held: Sequence[Delivery], lease_s: float) -> None:
    """Keep the leases of what a worker is still at."""
    await connection.execute(
        query("delivery_renew"),
        [delivery.organization_id for delivery in held],
        [delivery.event_id for delivery in held],
        [delivery.endpoint_id for delivery in held],
        [delivery.lease for delivery in held],
        lease_s,
    )


async def settle(
    connection: Connection,
    delivery: Delivery,
    state: DeliveryState,
    next_at: datetime | None,
    exchange_id: str,
    exchange: Exchange,
    *,
    disable_endpoint: bool = False,
) -> bool:
    """End an attempt. False when the lease was lost meanwhile: then nothing was written."""
    settled: int = await connection.fetchval(
        query("delivery_settle"),
        delivery.organization_id,
        delivery.event_id,
        delivery.endpoint_id,
        delivery.lease,
        state,
        next_at,
        exchange.error,
        exchange_id,
        exchange.at,
        exchange.path,
        exchange.status,
        exchange.ms,
        disable_endpoint,
    )
    return settled == 1
