"""Orders of the last thirteen months as a hub has them, each at its end: made up, and put into its tables with COPY."""

import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import asyncpg

from heard.bench.programs import Say
from heard.domain.ids import MarketplaceId, OrderId, OrganizationId, ids_from
from heard.storage import partitions
from heard.storage.partitions import EXCHANGES, PARTED, period_after

_MONTHS, _EXCHANGES_DAYS = 13, 30
_BATCH = 50_000
_STORES = 200
_STEPS = ("receive", "dispatch", "send", "place", "complete")  # lines of an order's history


@dataclass(frozen=True, slots=True)
class PastOrders:
    """So many orders, evenly spread over the months from `begun` until `until`."""

    organization_id: OrganizationId
    marketplace_id: MarketplaceId
    count: int
    begun: datetime
    until: datetime

    @property
    def body(self) -> bytes:
        """What stands for what was ordered, and for the bytes as they came: as long as a small order's."""
        return b"o" * 600

    def order_id(self, number: int) -> OrderId:
        return OrderId(f"{ids_from('ord', self.at(number))}{number:016d}")

    def at(self, number: int) -> datetime:
        return self.begun + (self.until - timedelta(hours=1) - self.begun) * (number / self.count)

    def some_order_id(self, chance: random.Random) -> OrderId:
        return self.order_id(chance.randrange(self.count))


def past_orders(organization_id: OrganizationId, marketplace_id: MarketplaceId, count: int) -> PastOrders:
    """... over thirteen whole months and the days of this one."""
    until = begun = datetime.now(UTC)
    for _ in range(_MONTHS):
        begun = (begun.replace(day=1) - timedelta(days=1)).replace(day=1)
    return PastOrders(
        organization_id, marketplace_id, count, begun.replace(hour=0, minute=0, second=0, microsecond=0), until
    )


class _Past(NamedTuple):
    """One of them: its ids begin as `time` does; `text` is when it was."""

    number: int
    order_id: str
    time: str
    at: datetime
    text: str


async def fill(connection: "asyncpg.Connection[asyncpg.Record]", past: PastOrders, say: Say) -> None:
    """The tables' partitions as they would be, and the orders in them."""
    async with connection.transaction():
        for parted in PARTED:
            await connection.execute(f"DROP TABLE {parted.name}_first")
            ends = past.begun if parted is not EXCHANGES else past.until - timedelta(days=_EXCHANGES_DAYS + 7)
            while ends < past.until + timedelta(days=31):
                begins, ends = ends, period_after(parted.period, ends)
                await partitions.make(
                    connection, parted, ids_from(parted.prefix, begins), ids_from(parted.prefix, ends)
                )
    for start in range(0, past.count, _BATCH):
        some = [_past(past, number) for number in range(start, min(start + _BATCH, past.count))]
        for table, columns, lines in _TABLES:
            await _copy(connection, table, columns, lines(past, some))
        if start and start % (10 * _BATCH) == 0:
            say(f"{start:,} orders are written")
    await connection.execute("VACUUM ANALYZE")  # as autovacuum has done long before
    await connection.execute("CHECKPOINT")


async def _copy(
    connection: "asyncpg.Connection[asyncpg.Record]", table: str, columns: str, lines: Iterator[str]
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        some: list[str] = []
        for line in lines:
            some.append(line)
            if len(some) == 500:
                yield "".join(some).encode()
                some.clear()
        yield "".join(some).encode()

    await connection.copy_to_table(table, source=chunks(), columns=columns.split(), format="text")


def _past(past: PastOrders, number: int) -> _Past:
    at, order_id = past.at(number), past.order_id(number)
    return _Past(number, order_id, order_id[4:14], at, at.isoformat())


def _orders(past: PastOrders, some: Sequence[_Past]) -> Iterator[str]:
    for number, order_id, _, _, at in some:
        yield (
            f"{past.organization_id}\t{order_id}\tven_bench_{number % _STORES}\t{past.marketplace_id}\tOLD-{number}"
            f"\tUSD\t2599\t{at}\t{at}\tcompleted\t7\t5\tpassed\tplaced\t0\tf\tPOS-{number}\t2599\t{at}\t{at}\n"
        )


def _keys(past: PastOrders, some: Sequence[_Past]) -> Iterator[str]:
    for number, order_id, *_ in some:
        yield f"{past.organization_id}\t{past.marketplace_id}\tOLD-{number}\t\\\\x{number:064x}\t{order_id}\n"


def _bodies(past: PastOrders, some: Sequence[_Past]) -> Iterator[str]:
    body = past.body.decode()
    for _, order_id, *_ in some:
        yield f"{past.organization_id}\t{order_id}\t{body}\t{body}\t1\n"


def _history(past: PastOrders, some: Sequence[_Past]) -> Iterator[str]:
    for _, order_id, _, _, at in some:
        for line, step in enumerate(_STEPS, 1):
            yield f"{past.organization_id}\t{order_id}\t{line}\t{at}\t{step}\tcompleted\tpos\tt\n"


def _events(past: PastOrders, some: Sequence[_Past]) -> Iterator[str]:
    body = "e" * 300
    for number, order_id, time, _, at in some:
        for sequence in (1, 2):
            ids = f"{past.organization_id}\tevt_{time}{number:014d}_{sequence}\t{past.marketplace_id}\t{order_id}"
            yield f"{ids}\t{sequence}\tready\t{body}\t{at}\n"


def _exchanges(past: PastOrders, some: Sequence[_Past]) -> Iterator[str]:
    since = past.until - timedelta(days=_EXCHANGES_DAYS)
    for number, order_id, time, at, text in some:
        if at > since:
            for call in range(4):
                ids = f"{past.organization_id}\texc_{time}{number:014d}_{call}\t{order_id}"
                yield f"{ids}\t{text}\tout\tpos\tPOST\t/submit\t200\t12.5\n"


_TABLES: tuple[tuple[str, str, Callable[[PastOrders, Sequence[_Past]], Iterator[str]]], ...] = (
    (
        "orders",
        (
            "organization_id order_id venue_id marketplace_id external_order_id currency total received_at accept_by"
            " status version sequence validation ticket attempts parked pos_order_id pos_total confirmed_at ready_at"
        ),
        _orders,
    ),
    ("order_keys", "organization_id marketplace_id external_order_id content_hash order_id", _keys),
    ("order_bodies", "organization_id order_id content raw menu_version", _bodies),
    ("order_history", "organization_id order_id line at step after by changed", _history),
    ("events", "organization_id event_id marketplace_id order_id sequence kind body created_at", _events),
    (
        "exchanges",
        "organization_id exchange_id order_id at direction peer method path status ms",
        _exchanges,
    ),
)
