"""Rows to values: what a status or a time is called in the tables stands here, once."""

import time
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum

import asyncpg

from heard.domain.ids import OrderId, OrganizationId
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Attention, Order, Party, ReasonCode, Status, Ticket, Validation
from heard.domain.payments import PaymentState

_ENUMS: dict[str, type[StrEnum]] = {
    "status": Status,
    "validation": Validation,
    "ticket": Ticket,
    "cancel_wanted": ReasonCode,
    "cancelled_by": Party,
    "reason_code": ReasonCode,
    "attention": Attention,
    "payment": PaymentState,
}
_ORDER_FIELDS = tuple(one.name for one in fields(Order))


def order_from(row: asyncpg.Record) -> Order:
    """The order in a row of `orders`."""
    values = {name: row[name] for name in _ORDER_FIELDS}
    for name, enum in _ENUMS.items():
        if values[name] is not None:
            values[name] = enum(values[name])
    return Order(**values)


@dataclass(frozen=True, slots=True, order=True)
class OrderRef:
    """An order by its key. In their order rows are locked, so that no two transactions wait for each other."""

    organization_id: OrganizationId
    order_id: OrderId


@dataclass(frozen=True, slots=True)
class Claimed:
    """An order as it was `now`, by the database's clock. `lease` fences: only this number may complete it. `revision`
    grows whenever it is saved.

    `probe_at` set: the store's POS is gone, and is looked for then. `trace`: of the request that brought the order.
    """

    order: Order
    lease: int
    revision: int
    stalls: int
    now: datetime
    probe_at: datetime | None = None
    trace: str | None = None
    read_at_s: float = field(default_factory=time.monotonic)

    def seen(self, now: datetime) -> "Claimed":
        """The same at another time by the database's clock, which was just read."""
        return replace(self, now=now, read_at_s=time.monotonic())

    def by_now(self) -> "Claimed":
        """The same at the time that the database's clock has by now, less the way it took to hear of it."""
        return self.seen(self.now + timedelta(seconds=time.monotonic() - self.read_at_s))

    @property
    def ref(self) -> OrderRef:
        return OrderRef(self.order.organization_id, self.order.order_id)


@dataclass(frozen=True, slots=True)
class HistoryRow:
    at: datetime
    step: Step
    before: Status | None
    after: Status
    by: str
    changed: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call about an order, made (out) or answered (in). `status` None: no answer came, `error` says why.

    The ids are there when it is read: its own, and of an attempt to deliver an event, that one's and its endpoint's.
    """

    at: datetime
    direction: str
    peer: str
    method: str
    path: str
    status: int | None
    ms: float
    error: str | None = None
    exchange_id: str | None = None
    event_id: str | None = None
    endpoint_id: str | None = None
