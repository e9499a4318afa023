"""Attempts that end at the same time share one statement: a commit each would be what a replay waits for."""

from collections.abc import Callable, Collection, Sequence

from heard.domain.ids import EndpointId, EventId
from heard.engine.batching import Batcher
from heard.engine.hub import Hub
from heard.storage import deliveries
from heard.storage.deliveries import EndpointHealth, Settlement


class Settler:
    """One worker's."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        # Whoever sends deliveries: an order's next one may go now to these endpoints.
        self.wake: Callable[[Collection[str]], None] = lambda _: hub.wake()
        self._batcher: Batcher[Settlement, EndpointHealth | None] = Batcher(self._settle_all, _which)

    async def settle(self, end: Settlement) -> EndpointHealth | None:
        """End an attempt; how its endpoint stands now, where that is news. Raises what the database raises."""
        return await self._batcher.ask(end)

    async def _settle_all(self, ends: Sequence[Settlement]) -> list[EndpointHealth | None]:
        async with self._hub.connection() as connection:
            settled = await deliveries.settle(connection, ends)
        found = [settled.get(_which(end)) for end in ends]
        # Only whoever has a later event to send, or one to send again, has anything to look for.
        waiting = [end for end, one in zip(ends, found, strict=True) if one and (one.more or end.delay_s is not None)]
        if waiting:
            self.wake({end.delivery.endpoint_id for end in waiting})
        return [one.health if one else None for one in found]


def _which(end: Settlement) -> tuple[EventId, EndpointId]:
    return end.delivery.event_id, end.delivery.endpoint_id
