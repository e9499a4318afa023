"""A POS for tests: a small one that keeps its tickets, does what a test tells it, and counts how often it is asked."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from builders import a_menu
from heard.pos import (
    Cancelled,
    Errored,
    KitchenState,
    Location,
    Menu,
    Order,
    OrderRef,
    Placed,
    PosApp,
    Rejected,
    Standing,
    Validated,
    app,
)
from heard.pos.testing import Hub

SHARED_ID = "SharedSecret-123"
Verdict = Validated | Placed | Rejected | Errored | Exception | None


class ScriptedPos:
    """Plain methods, as most vendors will write them. What a test sets decides; else everything goes well."""

    def __init__(self) -> None:
        self.tickets: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self.kitchen: KitchenState | None = None
        self.calls: Counter[str] = Counter()
        self.orders: list[Order] = []
        self.validation: Verdict = None
        self.placing: Verdict = None
        self.asking: Exception | None = None  # raised by `status`
        self.raises_after_placing = False
        self.held = threading.Event()  # cleared: `validate` and `place` wait for it
        self.held.set()
        self.held_cancel = threading.Event()  # the same for `cancel`
        self.held_cancel.set()
        self._numbering = threading.Lock()
        self.menus: dict[Location, Menu] = {}

    def menu(self, location: Location) -> Menu:
        self.calls["menu"] += 1
        return self.menus.get(location, a_menu())

    def validate(self, order: Order) -> Any:
        self._seen("validate", order)
        return _verdict(self.validation) or Validated()

    def place(self, order: Order) -> Any:
        self._seen("place", order)
        verdict = _verdict(self.placing)
        if verdict is not None:
            return verdict
        with self._numbering:
            number = self.tickets.setdefault(order.request_uid, f"T{len(self.tickets) + 1}")
        if self.raises_after_placing:
            raise TimeoutError("the POS behind the adapter did not answer")
        return Placed(number)

    def status(self, ref: OrderRef) -> Standing | None:
        self.calls["status"] += 1
        if self.asking is not None:
            raise self.asking
        number = self.tickets.get(ref.request_uid)
        if number is None:
            return None
        return Standing(number, self.kitchen, cancelled=ref.request_uid in self.cancelled)

    def cancel(self, ref: OrderRef) -> Cancelled | Rejected:
        self.calls["cancel"] += 1
        assert self.held_cancel.wait(20), "a test let nobody go on"
        if self.kitchen is KitchenState.READY:
            return Rejected("too_late", "The food is made")
        self.cancelled.add(ref.request_uid)
        return Cancelled()

    def _seen(self, name: str, order: Order) -> None:
        self.calls[name] += 1
        self.orders.append(order)
        assert self.held.wait(20), "a test let nobody go on"


class AsyncPos:
    """The same, with `async` methods."""

    def __init__(self, inner: ScriptedPos) -> None:
        self._inner = inner

    async def menu(self, location: Location) -> Menu:
        return self._inner.menu(location)

    async def validate(self, order: Order) -> Any:
        return await asyncio.to_thread(self._inner.validate, order)

    async def place(self, order: Order) -> Any:
        return await asyncio.to_thread(self._inner.place, order)

    async def status(self, ref: OrderRef) -> Standing | None:
        return self._inner.status(ref)

    async def cancel(self, ref: OrderRef) -> Cancelled | Rejected:
        return self._inner.cancel(ref)


def _verdict(verdict: Verdict) -> Any:
    if isinstance(verdict, Exception):
        raise verdict
    return verdict


@asynccontextmanager
async def a_kit(adapter: object, store: str, **given: Any) -> AsyncIterator[tuple[PosApp, Hub]]:
    """A kit that knows PAR's demo/demo-1 as main, and a hub that calls it. On leaving, both end."""
    settings = {"shared_id": SHARED_ID, "answer_within_s": 5.0, **given}
    kit = app(adapter, store=store, **settings)  # type: ignore[arg-type]
    shared_ids = settings["shared_id"]
    hub = Hub(
        kit,
        shared_ids if isinstance(shared_ids, str) else shared_ids[0],
        **{name: given[name] for name in ("amounts", "signature") if name in given},
    )
    async with kit:
        await hub.know("main")
        yield kit, hub
