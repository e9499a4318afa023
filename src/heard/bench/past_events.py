"""Events of many orders as a hub has written them some hours ago: made up, and put into its tables with COPY."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from heard import limits
from heard.domain.ids import EventId, ExternalOrderId, MarketplaceId, OrderId, OrganizationId, VenueId, make_id
from heard.domain.money import Cents
from heard.domain.order.events import EventKind
from heard.domain.order.model import Order, Status
from heard.engine.hub import Hub
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


def past_events(count: int, marketplace_id: MarketplaceId, begun: datetime) -> list[PastEvent]:
    """So many events, the oldest first. Those of some orders lie close together, those of others far apart."""
    chance = random.Random(7)  # noqa: S311 - the same events every time
    made: list[PastEvent] = []
    number = 0
    while len(made) < count:
        received_at = begun + number * _BETWEEN_ORDERS
        made += _of_order(number, marketplace_id, received_at, chance)
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
    async with hub.connection() as connection:
        for start in range(0, len(events), _BATCH):  # one long transaction would hold up whoever reads meanwhile
            some = events[start : start + _BATCH]
            async with connection.transaction():
                await _write(connection, organization_id, marketplace_id, some)
                if dead:
                    await _bury(connection, organization_id, marketplace_id, some)
        # As autovacuum has done long before.
        await connection.execute("ANALYZE events, deliveries", timeout=limits.LONG_STATEMENT_S)


async def _write(
    connection: Connection, organization_id: OrganizationId, marketplace_id: MarketplaceId, events: list[PastEvent]
) -> None:
    columns = "organization_id event_id marketplace_id order_id sequence kind body created_at".split()
    rows = [
        (organization_id, one.event_id, marketplace_id, one.order_id, one.sequence, one.kind, one.body, one.at)
        for one in events
    ]
    await connection.copy_records_to_table("events", records=rows, columns=columns, timeout=limits.LONG_STATEMENT_S)


async def _bury(
    connection: Connection, organization_id: OrganizationId, marketplace_id: MarketplaceId, events: list[PastEvent]
) -> None:
    endpoint_id = await connection.fetchval(
        "SELECT endpoint_id FROM endpoints WHERE organization_id = $1 AND marketplace_id = $2 LIMIT 1",
        organization_id,
        marketplace_id,
    )
    columns = "organization_id event_id endpoint_id order_id subject sequence state".split()
    columns += "give_up_at attempts last_error dead_at".split()
    why = "the endpoint answered 503"
    rows = []
    for one in events:
        dead_at = one.at + timedelta(minutes=11)
        ids = (organization_id, one.event_id, endpoint_id, one.order_id, one.order_id, one.sequence)
        rows.append((*ids, "dead", dead_at, 12, why, dead_at))
    await connection.copy_records_to_table("deliveries", records=rows, columns=columns, timeout=limits.LONG_STATEMENT_S)
