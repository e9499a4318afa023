"""A worker that kills itself at the first await about one paid order at which no worker before it has died.

Run as a program: each line of JSON on stdin is an `Errand`. It takes the order in, as is done when one comes over the
wire, and works on whatever is due: the real worker in a process of its own, driven step by step.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from dying import Stepped, Watch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import heard.engine.batching
import heard.work.orders
import heard.work.worker
from heard.bootstrap import open_house
from heard.config import load
from heard.domain.ids import PaymentId, VenueId, paid_order_id
from heard.engine.begin_payment import Begun
from paying import take_in


class Errand(msgspec.Struct):
    """Which order to take in, where not to die of it, and below which functions alone; nowhere where there are none."""

    payment_id: str
    venue_id: str
    amount: int
    spared: list[str] = []
    within: str | None = None


class Payer:
    """Takes orders in and works on them; `about` is the one that it may die of."""

    def __init__(self) -> None:
        self.about: str | None = None
        self.watch = Watch([])
        self._install()

    def _install(self) -> None:
        run = heard.work.worker.OrderWork.run
        carry_out = heard.engine.batching.Batcher._carry_out

        async def dying_run(work: Any) -> Any:
            if work._claimed.order.order_id != self.about:
                return await run(work)
            self.watch.watching = True
            try:
                return await Stepped(run(work), self.watch)
            finally:
                self.watch.watching = False

        async def dying_carry_out(batcher: Any, wishes: Any) -> Any:
            return await Stepped(carry_out(batcher, wishes), self.watch)

        heard.engine.batching.Batcher._carry_out = dying_carry_out  # type: ignore[method-assign]
        heard.work.worker.OrderWork.run = dying_run  # type: ignore[method-assign]

    async def work(self) -> None:
        """Each line on stdin is an errand; none is waited for. Before the first, this one leaves all work to others."""
        async with open_house(load()) as house:
            working: asyncio.Task[None] | None = None
            while line := await asyncio.to_thread(sys.stdin.readline):
                working = working or asyncio.create_task(house.worker().run())
                errand = msgspec.json.decode(line, type=Errand)
                payment_id = PaymentId(errand.payment_id)
                if errand.within is not None:
                    self.watch = Watch(errand.spared, errand.within)
                    self.about = paid_order_id(payment_id)
                begun = Begun(payment_id, "", datetime.now(UTC))
                await take_in(house.hub, VenueId(errand.venue_id), begun, errand.amount)


if __name__ == "__main__":
    asyncio.run(Payer().work())
