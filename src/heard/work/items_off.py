"""What is off a menu for a while, and has its time over: ended, and told, by whichever worker comes to it first."""

from collections.abc import Hashable, Mapping, Sequence

from heard import limits
from heard.engine.hub import Hub
from heard.engine.items_off import end_items_off
from heard.storage import items_off
from heard.storage.items_off import EndedItems
from heard.work.kinds import Kind


class ItemsOffKind(Kind[EndedItems]):
    name = "items_off"

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def claim(self, count: int, per_group: int, busy: Sequence[str]) -> list[EndedItems]:
        async with self._hub.connection() as connection:
            return await items_off.claim_ended(connection, count, busy, limits.ITEM_OFF_LEASE_S)

    async def work(self, item: EndedItems) -> None:
        await end_items_off(self._hub, item)

    def key(self, item: EndedItems) -> Hashable:
        return item.organization_id, item.venue_id

    def group(self, item: EndedItems) -> str:
        return item.venue_id

    def names(self, item: EndedItems) -> Mapping[str, str]:
        return {"venue_id": item.venue_id}
