"""Events of many orders as a hub has written them some hours ago: made up, and put into its tables with COPY."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from heard import limits
from heard.domain.endpoints import DeliveryState
from heard.domain.ids import EventId, ExternalOrderId, MarketplaceId, OrderId, OrganizationId, VenueId, make_id
from heard.domain.money import Cents
from heard.domain.order.events import EventKind
from heard.domain.order.model import Order, Status
from heard.engine.hub import DELIVERY_WORK, WORK_CHANNEL, Hub
from heard.protocols.link.encode import encode_event
from heard.storage.orders import Connection

_LIFE = (
    (EventKind.CONFIRMED, Status.CONFIRMED),
    (EventKind.IN_PREP, Status.IN_PREP),
    (EventKind.ETA_UPDATED, Status.IN_PREP),
    (EventKind.READY, Status.READY),
    (EventKind.COMPLETED, Status.COMPLETED),
)
_DELAYED_LIFE = (*_LIFE[:3], *_LIFE[2:])  # every other order's estimate moved twice
_APART = (timedelta(milliseconds=20), timedelta(seconds=2), timedelta(minutes=4))  # by turns: an order's events
_BETWEEN_ORDERS = timedelta(milliseconds=200)
_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class PastEvent:
    """One event as it stands in the hub's table."""

    event_id: EventId
    order_id: OrderId
    sequence: int
    kind: EventKind
    body: bytes
    at: datetime


def past_events(
    count: int, marketplace_id: MarketplaceId, begun: datetime, of_each: int | None = None
) -> list[PastEvent]:
    """So many events, the oldest first. Those of some orders lie close together, those of others far apart.

    `of_each`: so many of each order at most, else its whole life.
    """
    chance = random.Random(7)  # noqa: S311 - the same events every time
    made: list[PastEvent] = []
    number = 0
    while len(made) < count:
        received_at = begun + number * _BETWEEN_ORDERS
        made += islice(_of_order(number, marketplace_id, received_at, chance), of_each)
        number += 1
    return sorted(made[:count], key=lambda event: event.event_id)


def _of_order(
    number: int, marketplace_id: MarketplaceId, received_at: datetime, chance: random.Random
) -> Iterator[PastEvent]:
    order = Order(
        organization_id=OrganizationId("bench"),
        order_id=OrderId(make_id("ord", received_at, chance.randbytes(10))),
        venue_id=VenueId(f"ven_bench_{number % 200}"),
        marketplace_id=marketplace_id,
        external_order_id=ExternalOrderId(f"BENCH-{number}"),
        currency="USD",
        total=Cents(2_599),
        received_at=received_at,
        accept_by=received_at + timedelta(minutes=11),
        confirmed_at=received_at,
        ready_at=received_at + timedelta(minutes=20),
    )
    for sequence, (kind, status) in enumerate(_DELAYED_LIFE if number % 2 else _LIFE, 1):
        at = received_at + sequence * _APART[number % len(_APART)]
        event_id = EventId(make_id("evt", at, chance.randbytes(10)))
        body = encode_event(kind, replace(order, status=status, sequence=sequence), at)
        yield PastEvent(event_id, order.order_id, sequence, kind, body, at)


def an_hour_of_outage(count: int) -> datetime:
    """When so many events begin that the last of them is some minutes old."""
    return datetime.now(UTC) - count / len(_LIFE) * _BETWEEN_ORDERS - timedelta(minutes=30)


async def keep(
    hub: Hub, organization_id: OrganizationId, marketplace_id: MarketplaceId, events: list[PastEvent], *, dead: bool
) -> None:
    """Write events into the marketplace's feed; `dead`: and as dead letters of its endpoint."""
    async with hub.connection(limits.LONG_STATEMENT_S) as connection:
        for start in range(0, len(events), _BATCH):  # one long transaction would hold up whoever reads meanwhile
            some = events[start : start + _BATCH]
            async with connection.transaction():
                await _write(connection, organization_id, marketplace_id, some)
                if dead:
                    await _address(connection, organization_id, marketplace_id, some, _dead)
        # As autovacuum has done long before.
        await connection.execute("ANALYZE events, deliveries")


async def make_due(
    hub: Hub, organization_id: OrganizationId, marketplace_id: MarketplaceId, events: list[PastEvent]
) -> float:
    """Write events that are due at the marketplace's endpoint now, in one transaction that wakes the workers.

    When it had ended, on the clock that all processes of a machine share (time.monotonic).
    """
    async with hub.connection(limits.LONG_STATEMENT_S) as connection:
        async with connection.transaction():
            await _write(connection, organization_id, marketplace_id, events)
            now = await connection.fetchval("SELECT business_now()")
            await _address(connection, organization_id, marketplace_id, events, lambda _: _due(now))
            await connection.execute("SELECT pg_notify($1, $2)", WORK_CHANNEL, DELIVERY_WORK)
        return time.monotonic()


async def _write(
    connection: Connection, organization_id: OrganizationId, marketplace_id: MarketplaceId, events: list[PastEvent]
) -> None:
    columns = "organization_id event_id marketplace_id order_id sequence kind body created_at".split()
    rows = [
        (organization_id, one.event_id, marketplace_id, one.order_id, one.sequence, one.kind, one.body, one.at)
        for one in events
    ]
    await connection.copy_records_to_table("events", records=rows, columns=columns)


async def _address(
    connection: Connection,
    organization_id: OrganizationId,
    marketplace_id: MarketplaceId,
    events: list[PastEvent],
    standing: Callable[[PastEvent], tuple[object, ...]],
) -> None:
    """The events' deliveries to the marketplace's endpoint; `standing` has the columns of how each stands."""
    endpoint_id = await connection.fetchval(
        "SELECT endpoint_id FROM endpoints WHERE organization_id = $1 AND marketplace_id = $2 LIMIT 1",
        organization_id,
        marketplace_id,
    )
    columns = "organization_id event_id endpoint_id order_id subject sequence".split() + _STANDING
    rows = [
        (organization_id, one.event_id, endpoint_id, one.order_id, one.order_id, one.sequence, *standing(one))
        for one in events
    ]
    await connection.copy_records_to_table("deliveries", records=rows, columns=columns)


_STANDING = "state next_at give_up_at attempts last_error dead_at".split()


def _dead(event: PastEvent) -> tuple[object, ...]:
    dead_at = event.at + timedelta(minutes=11)
    return DeliveryState.DEAD, None, dead_at, 12, "the endpoint answered 503", dead_at


def _due(now: datetime) -> tuple[object, ...]:
    return DeliveryState.DUE, now, now + timedelta(minutes=11), 0, None, None
