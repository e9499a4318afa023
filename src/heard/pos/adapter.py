"""The contract between the kit and a POS: what a vendor writes, and the values that pass between the two.

Amounts are whole cents (hundredths of the currency's major unit, for every currency), times aware UTC, ids your own:
the kit has turned PAR's organization and location into yours before you see them, and turns them back in answers.
"""

import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from inspect import iscoroutinefunction, signature
from pathlib import Path
from typing import Protocol, runtime_checkable

from heard.domain.menu.model import Menu
from heard.domain.order.content import Customer
from heard.domain.pos import KitchenState, PosItem, PosOrderType, PosPayment, PosTotals


@dataclass(frozen=True, slots=True)
class Location:
    """One of your locations, in your own words; `heard pos map` says which of PAR's it is."""

    organization_id: str
    location_id: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order to validate or to place.

    `request_uid` names the request: keep it with the ticket, since `status` must find the ticket by it. Each of
    `items` is one line with its choices below; `sent` is the order_details exactly as it came, with members that the
    kit does not know.
    """

    location: Location
    request_uid: str
    online_order_id: str | None
    order_type: PosOrderType
    items: tuple[PosItem, ...]
    totals: PosTotals
    customer: Customer
    requested_at: datetime | None  # None: as soon as possible
    notes: str | None
    payments: tuple[PosPayment, ...]
    sent: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OrderRef:
    """Which order is meant. `pos_order_id` is None where the kit never learned it: then look for `request_uid`."""

    location: Location
    request_uid: str
    online_order_id: str | None = None
    pos_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Validated:
    """You would take the order. `totals` are what you compute; None: the order's own are right."""

    totals: PosTotals | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """The ticket is in the POS under this number."""

    pos_order_id: str
    totals: PosTotals | None = None
    estimated_ready_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A business no. Codes that channels understand: item_unavailable, price_mismatch, store_closed, store_paused,
    order_expired; any other is told as "the POS refused". `path` is a JSON path into the order, where there is one.
    """

    code: str
    message: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Errored:
    """The POS failed, and the ticket is certainly not there. `retryable`: the same order may go well later."""

    code: str
    message: str
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How a ticket stands. `cancelled` is final; `kitchen` is None until somebody begins."""

    pos_order_id: str
    kitchen: KitchenState | None = None
    estimated_ready_at: datetime | None = None
    totals: PosTotals | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The ticket is taken back."""


class Adapter(Protocol):
    """What a POS vendor writes. Every method may be plain or `async`; plain ones run in threads.

    What a method raises is logged whole and told as `errored`, without its text. A method may be called again after a
    crash: `validate`, `status` and `cancel` for the same order at any time, `place` only after `status` said that
    there is no such ticket.
    """

    def menu(self, location: Location) -> Menu | Awaitable[Menu]:
        """What the location sells now."""

    def validate(self, order: Order) -> Validated | Rejected | Errored | Awaitable[Validated | Rejected | Errored]:
        """Whether the location would take the order, and at what totals. Commits nothing."""

    def place(self, order: Order) -> Placed | Rejected | Errored | Awaitable[Placed | Rejected | Errored]:
        """Create the ticket. Keep `order.request_uid` with it, in the same commit."""

    def status(self, ref: OrderRef) -> Standing | Awaitable[Standing | None] | None:
        """The ticket of an order; None only where it is certain that there is none.

        This is what makes a crash harmless: whatever became of a `place` that was cut short, the kit asks here first.
        """


@runtime_checkable
class Cancels(Protocol):
    """An adapter that can take tickets back."""

    def cancel(self, ref: OrderRef) -> Cancelled | Rejected | Errored | Awaitable[Cancelled | Rejected | Errored]:
        """Take a placed ticket back; Rejected when it is too late. Cancelling twice is harmless."""


@runtime_checkable
class Lives(Protocol):
    """An adapter that is told when the kit starts and ends, for a kitchen that reports by itself."""

    async def started(self, kit: "Reporter") -> None:
        """The kit serves; `kit.report` may be called from now on."""

    async def stopped(self) -> None:
        """The kit ends."""


class Reporter(Protocol):
    """What `started` is given: the kit."""

    async def report(self, location: Location, standing: Standing) -> bool:
        """Tell the hub how a ticket stands now. False when the kit knows no such ticket."""


class AdapterError(Exception):
    """What is wrong with an adapter itself, in one line fit for its author."""


def check_adapter(adapter: object) -> None:
    """Raises AdapterError naming every method that is missing, or one that cannot be called as it will be."""
    wanted = ("menu", "validate", "place", "status")
    missing = [name for name in wanted if not callable(getattr(adapter, name, None))]
    if isinstance(adapter, type):
        raise AdapterError(f"{adapter.__name__} is a class: give an instance, {adapter.__name__}()")
    lives = [name for name in ("started", "stopped") if callable(getattr(adapter, name, None))]
    if len(lives) == 1:
        raise AdapterError(f"{type(adapter).__name__} has {lives[0]} alone: started and stopped go together")
    if isinstance(adapter, Lives) and not all(map(iscoroutinefunction, (adapter.started, adapter.stopped))):
        raise AdapterError(f"{type(adapter).__name__}: started and stopped must be `async`")
    if missing:
        kind = type(adapter).__name__
        raise AdapterError(f"{kind} has no {', '.join(missing)}: see heard.pos.Adapter")
    for name in (*wanted, *(["cancel"] if isinstance(adapter, Cancels) else [])):
        if not _takes_one(getattr(adapter, name)):
            raise AdapterError(f"{type(adapter).__name__}.{name} must take one argument: see heard.pos.Adapter")


def _takes_one(method: Callable[..., object]) -> bool:
    try:
        signature(method).bind(None)
    except TypeError:
        return False
    except ValueError:  # a method that tells nothing of what it takes
        return True
    return True


def what_was_raised(error: Exception) -> str:
    """In one line, and where in the author's own files: in those below the working folder."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, SyntaxError):  # it says where by itself
        return said
    frames = traceback.extract_tb(error.__traceback__)
    here = [frame for frame in frames if Path(frame.filename).is_relative_to(Path.cwd())]
    theirs = [frame for frame in here if "site-packages" not in frame.filename]
    return f"{said} ({theirs[-1].filename}, line {theirs[-1].lineno})" if theirs else said
