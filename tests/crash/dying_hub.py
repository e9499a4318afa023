"""A hub that kills itself at the first await about one order at which no hub before it has died.

Run as a program, whose first word is JSON, an `Errand`. Everything else is the real hub, `heard serve --with-worker`,
with some of its coroutines driven step by step, from the order's receipt until it is confirmed: what takes it in, what
works on it, and what writes both down.
"""

import sys
from typing import Any

import msgspec
from dying import Stepped, Watch

import heard.cli.serve
import heard.engine.batching
import heard.http.link.orders
import heard.work.orders
import heard.work.worker
from heard.cli import main
from heard.domain.order.model import Status


class Errand(msgspec.Struct):
    """Whose way to watch (the marketplace's number), and where not to die (see Watch)."""

    number: str
    spared: list[str]
    within: str = ""  # die only below a function of this name
    passing: int = 0
    one_in: int = 1


def _install(watch: Watch, number: str) -> None:
    accept = heard.http.link.orders.accept_order
    claim = heard.work.worker.OrderKind.claim
    run = heard.work.worker.OrderWork.run
    change = heard.work.orders.change_order
    carry_out = heard.engine.batching.Batcher._carry_out

    async def dying_accept(hub: Any, client: Any, raw: bytes) -> Any:
        if f'"{number}"'.encode() in raw:
            watch.watching = True
        return await Stepped(accept(hub, client, raw), watch)

    async def dying_claim(self: Any, *asked: Any) -> Any:
        return await Stepped(claim(self, *asked), watch, looping=True)

    async def dying_run(self: Any) -> None:
        if self._held.order.external_order_id == number:
            await Stepped(run(self), watch)
        else:
            await run(self)

    async def watching_change(*arguments: Any, **named: Any) -> Any:
        changed = await change(*arguments, **named)
        if changed.order.external_order_id == number and changed.order.status is Status.CONFIRMED:
            watch.watching = False
        return changed

    async def dying_carry_out(self: Any, wishes: Any) -> Any:
        return await Stepped(carry_out(self, wishes), watch)

    heard.http.link.orders.accept_order = dying_accept
    heard.engine.batching.Batcher._carry_out = dying_carry_out  # type: ignore[method-assign]
    heard.work.worker.OrderKind.claim = dying_claim  # type: ignore[method-assign]
    heard.work.worker.OrderWork.run = dying_run  # type: ignore[method-assign]
    heard.work.orders.change_order = watching_change


if __name__ == "__main__":
    told = msgspec.json.decode(sys.argv.pop(1), type=Errand)
    _install(Watch(told.spared, told.within, told.passing, told.one_in), told.number)
    sys.argv[0] = "heard"
    main()
