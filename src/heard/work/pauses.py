"""Pauses that end by themselves: lifted, and told, by whichever worker comes to them first."""

from collections.abc import Hashable, Mapping, Sequence

from heard import limits
from heard.engine.hub import Hub
from heard.engine.pause_store import end_pause
from heard.storage import pauses
from heard.storage.pauses import EndedPause
from heard.work.kinds import Kind


class PauseKind(Kind[EndedPause]):
    name = "pause"

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def claim(self, count: int, per_group: int, busy: Sequence[str]) -> list[EndedPause]:
        async with self._hub.connection() as connection:
            return await pauses.claim_ended(connection, count, busy, limits.PAUSE_LEASE_S)

    async def work(self, item: EndedPause) -> None:
        await end_pause(self._hub, item)

    def key(self, item: EndedPause) -> Hashable:
        return item.organization_id, item.venue_id, item.held_by

    def group(self, item: EndedPause) -> str:
        return item.venue_id

    def names(self, item: EndedPause) -> Mapping[str, str]:
        return {"venue_id": item.venue_id}
