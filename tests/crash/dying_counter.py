"""Hubs that kill themselves at the first await of one call, at which none before them has died: a paid order's receipt.

Run as a program: each line of JSON on stdin is an `Errand`. It imports all there is once, and is copied for each hub:
the real one, which serves and works. The call that it may die of says so in its X-Request-ID; from there on every await
counts, in the handler and in what writes orders down. Its last words are where it dies.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
import structlog
from dying import Stepped, Watch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import heard.engine.batching
import heard.http.ordering.orders
from forking import preload
from heard.bootstrap import open_house, serve_hub
from heard.config import load
from heard.net.listening import listening

DOOMED = "doomed"


class Errand(msgspec.Struct):
    """Where to serve, at which places not to die, and a pattern of those where to."""

    port: int
    spared: list[str]
    within: str


def _install(watch: Watch) -> None:
    handlers = heard.http.ordering.orders.handlers
    carry_out = heard.engine.batching.Batcher._carry_out

    def dying_handlers(*given: Any) -> Any:
        named = handlers(*given)
        create = named["create_order"]

        async def dying_create(request: Any, caller: Any) -> Any:
            if request.headers.get("x-request-id") != DOOMED:
                return await create(request, caller)
            watch.watching = True
            try:
                return await Stepped(create(request, caller), watch, looping=True)
            finally:
                watch.watching = False

        return {**named, "create_order": dying_create}

    async def dying_carry_out(batcher: Any, wishes: Any) -> Any:
        return await Stepped(carry_out(batcher, wishes), watch, looping=True)

    heard.http.ordering.orders.handlers = dying_handlers
    heard.engine.batching.Batcher._carry_out = dying_carry_out  # type: ignore[method-assign]


async def _serve(errand: Errand) -> None:
    _install(Watch(errand.spared, errand.within))
    with listening("127.0.0.1", errand.port) as bound:
        async with open_house(load()) as house:
            working = asyncio.create_task(house.worker().run())
            await asyncio.gather(working, serve_hub(house, bound))


def _end(child: int) -> None:
    if child:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    # What is said on stdout are last words alone.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    preload()
    hub = 0
    for told in sys.stdin:
        _end(hub)
        hub = os.fork()
        if not hub:
            asyncio.run(_serve(msgspec.json.decode(told, type=Errand)))
            os._exit(0)
    _end(hub)
