"""Workers that kill themselves at the first await about one paid order at which none before them has died.

Run as a program: each line of JSON on stdin is an `Errand`. It imports all there is once, and is copied for each
worker. A worker takes orders in, as is done when one comes over the wire, and works on whatever is due: the real one,
driven step by step. Its last words are where it dies.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec
from dying import Stepped, Watch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import heard.engine.batching
import heard.work.orders
import heard.work.worker
from forking import preload
from heard.bootstrap import open_house
from heard.config import load
from heard.domain.ids import PaymentId, VenueId, paid_order_id
from heard.engine.begin_payment import Begun
from paying import take_in


class Errand(msgspec.Struct):
    """Which order to take in, where not to die of it, and below which functions alone; nowhere where there are none.

    `fresh`: by a new worker; the one before, should it live, is killed.
    """

    payment_id: str
    venue_id: str
    amount: int
    spared: list[str] = []
    within: str | None = None
    fresh: bool = False


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
            if work._held.order.order_id != self.about:
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

    async def work(self, errands: TextIO) -> None:
        """Each line is an errand; none is waited for."""
        async with open_house(load()) as house:
            working = asyncio.create_task(house.worker().run())
            while line := await asyncio.to_thread(errands.readline):
                errand = msgspec.json.decode(line, type=Errand)
                payment_id = PaymentId(errand.payment_id)
                if errand.within is not None:
                    self.watch = Watch(errand.spared, errand.within)
                    self.about = paid_order_id(payment_id)
                begun = Begun(payment_id, "", datetime.now(UTC))
                await take_in(house.hub, VenueId(errand.venue_id), begun, errand.amount)
            working.cancel()


class Nursery:
    """Keeps one worker at a time, a copy of this process."""

    def __init__(self) -> None:
        self._child = 0
        self._errands: TextIO | None = None

    def hand_on(self, line: str) -> None:
        if msgspec.json.decode(line, type=Errand).fresh:
            self.end()
            self._start()
        assert self._errands is not None
        with suppress(BrokenPipeError):  # it has died
            self._errands.write(line)
            self._errands.flush()

    def _start(self) -> None:
        reading, writing = os.pipe()
        self._child = os.fork()
        if not self._child:
            os.close(writing)
            asyncio.run(Payer().work(os.fdopen(reading)))
            os._exit(0)
        os.close(reading)
        self._errands = os.fdopen(writing, "w")

    def end(self) -> None:
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = 0


if __name__ == "__main__":
    preload()
    nursery = Nursery()
    for told in sys.stdin:
        nursery.hand_on(told)
    nursery.end()
