"""Attempts that end at the same time share one statement: a commit each would be what a replay waits for."""

import asyncio
from collections.abc import Callable

from heard import limits
from heard.engine.hub import Hub
from heard.storage import deliveries
from heard.storage.deliveries import EndpointHealth, Settlement
from heard.storage.faults import UNREACHABLE

_Wait = tuple[Settlement, "asyncio.Future[EndpointHealth | None]"]


class Settler:
    """Writes what waits, all of it at once; what comes meanwhile is the next batch."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.wake: Callable[[], None] = hub.wake  # whoever sends deliveries: an order's next one may go now
        self._waiting: list[_Wait] = []
        self._writing: asyncio.Task[None] | None = None

    async def settle(self, end: Settlement) -> EndpointHealth | None:
        """End an attempt; how its endpoint stands now, where that is news. Raises what the database raises."""
        done: asyncio.Future[EndpointHealth | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((end, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await done

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = (
                    self._waiting[: limits.SETTLE_BATCH_MAX],
                    self._waiting[limits.SETTLE_BATCH_MAX :],
                )
                await self._write(batch)
                self.wake()
        finally:
            self._writing = None

    async def _write(self, batch: list[_Wait]) -> None:
        try:
            async with self._hub.connection() as connection:
                settled = await deliveries.settle(connection, [end for end, _ in batch])
        except UNREACHABLE as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - whoever waits for it is told, and raises it
            if len(batch) == 1:
                _fail(batch, error)
                return
            for one in batch:  # so that what is wrong with one takes nothing from the others
                await self._write([one])
        else:
            for end, done in batch:
                if not done.done():
                    done.set_result(settled.get((end.delivery.event_id, end.delivery.endpoint_id)))


def _fail(batch: list[_Wait], error: Exception) -> None:
    for _, done in batch:
        if not done.done():
            done.set_exception(error)
