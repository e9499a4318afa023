"""Attempts that end at the same time share one statement: a commit each would be what a replay waits for."""

from collections.abc import Callable, Collection, Hashable, Sequence

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
        self.wake({end.delivery.endpoint_id for end in ends})
        return [settled.get((end.delivery.event_id, end.delivery.endpoint_id)) for end in ends]


def _which(end: Settlement) -> Hashable:
    return end.delivery.event_id, end.delivery.endpoint_id
