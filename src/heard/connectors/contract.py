"""What a connector must be able to say. Those there are stand beside this file, a folder each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from heard.domain.ids import OrderId
from heard.domain.menu.index import MenuIndex
from heard.domain.order.commands import Command
from heard.domain.order.content import OrderContent
from heard.domain.order.model import Order
from heard.domain.order.plan import Task
from heard.domain.pos_totals import PosComputed
from heard.domain.stores import Store
from heard.net.call import Answer, Call, NoAnswer


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a call may know of the world: the time, an id of its own, and where the POS may call back."""

    now: datetime
    call_id: str
    callback_url: str | None


@dataclass(frozen=True, slots=True)
class NotYet:
    """The POS needs longer: it is asked again with READ_VALIDATION."""

    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class WouldRefuse:
    """The POS would not take the order: a business no, in its own words."""

    reason: str


@dataclass(frozen=True, slots=True)
class NothingComputed:
    """No answer to rely on; the text says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Read:
    """What an answer means for an order, and whether it was signed as agreed: `verdict` is good, bad with the rule that
    failed, or none where nothing was to be signed; None where no answer came.
    """

    command: Command
    verdict: str | None


GOOD: Final = "good"
UNSIGNED: Final = "none"

Computed = PosComputed | NotYet | WouldRefuse | NothingComputed


class Connector(Protocol):
    """Pure: values in, values out. A connector never touches a socket, a clock or a database."""

    def order_call(
        self, task: Task, order: Order, content: OrderContent, menu: MenuIndex, store: Store, occasion: Occasion
    ) -> Call:
        """The call that a task needs: the same bytes on every retry of the same request."""

    def read_order(self, task: Task, order: Order, store: Store, answer: Answer | NoAnswer) -> Read:
        """What an answer means for the order. Whatever the POS sends, this returns a command and never raises."""

    def writes(self, method: str, path: str) -> Task | None:
        """Which of an order's tasks that send a body a recorded call was for; None: it sent none."""

    def read_computed(self, task: Task, order: Order, store: Store, answer: Answer | NoAnswer) -> Computed:
        """What a POS computed for an order that was only to be priced, by VALIDATE or READ_VALIDATION. Never raises."""

    def fault(self, command: Command, answer: Answer | NoAnswer) -> str | None:
        """Why an order's call brought no sign of life of the POS; None when there is one, be it a refusal."""

    def probe_call(self, store: Store, order_id: OrderId | None, occasion: Occasion) -> Call:
        """The cheapest call that a living POS must answer; it commits nothing. The order's call failed before."""

    def read_probe(self, store: Store, order_id: OrderId | None, answer: Answer | NoAnswer) -> str | None:
        """Why the POS is not back; None when it is."""

    def menu_call(self, store: Store, occasion: Occasion, etag: str | None) -> Call:
        """The call that fetches a store's menu."""

    def menu_body(self, store: Store, answer: Answer | NoAnswer) -> bytes | None:
        """The document that came; None when it has not changed. Raises MenuUnavailable with the reason."""


class MenuUnavailable(Exception):
    """A POS gave no menu; the text says why."""
