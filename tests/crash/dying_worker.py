"""A worker that kills itself while it disables one endpoint, at the first await at which no worker before it has died.

Run as a program, whose first word is JSON, an `Errand`. Everything else is the real `heard work`, except
that it has one delivery to an endpoint under way at a time and buries a queue by threes, to have steps to die between.
"""

import os
import sys
from collections import Counter
from typing import Any

import msgspec
from dying import Stepped, Watch

import heard.limits
import heard.work.deliveries
import heard.work.worker
from heard.cli import main


class Errand(msgspec.Struct):
    """Which endpoint to die about, and where not to die. No endpoint: it lives."""

    endpoint_id: str
    spared: list[str]


class Steps(Watch):
    """Places by our own functions and the call that they wait for: how often that one waits itself varies."""

    def __init__(self, spared: list[str]) -> None:
        super().__init__(spared)
        self._steps: Counter[str] = Counter()
        self._last: Any = None

    def suspended(self, coroutine: Any, *, looping: bool) -> None:
        """Die at the first time that a call of ours waits, unless that is to be spared."""
        names = []
        while (frame := getattr(coroutine, "cr_frame", None)) and frame.f_globals["__name__"].startswith("heard."):
            names.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
            coroutine = coroutine.cr_await
        if coroutine is self._last:
            return
        self._last = coroutine
        place = " > ".join([*names, getattr(coroutine, "__qualname__", type(coroutine).__name__)])
        self._steps[place] += 1
        self.passed(f"{place} #{self._steps[place]}")


def _install(errand: Errand) -> None:
    heard.limits.BURY_BATCH_MAX = 3  # type: ignore[misc]
    heard.work.worker.DeliveryKind.per_group = lambda *_: 1  # type: ignore[method-assign]
    disable = heard.work.deliveries.disable_endpoint
    watch = Steps(errand.spared)

    async def dying_disable(hub: Any, organization_id: Any, endpoint_id: Any, why: str) -> bool:
        if endpoint_id != errand.endpoint_id:
            return await disable(hub, organization_id, endpoint_id, why)
        watch.watching = True
        turned = await Stepped(disable(hub, organization_id, endpoint_id, why), watch)
        watch.passed("disabled")
        watch.watching = False
        os.write(1, b"lives on\n")
        return turned

    heard.work.deliveries.disable_endpoint = dying_disable


if __name__ == "__main__":
    _install(msgspec.json.decode(sys.argv.pop(1), type=Errand))
    sys.argv[0] = "heard"
    main()
