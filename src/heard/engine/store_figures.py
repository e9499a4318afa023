"""How stores do, by their newest orders: of a day at most, and so many of each that looking costs no more in a rush."""

from collections.abc import Sequence
from datetime import timedelta

from heard.domain.ids import OrganizationId, VenueId
from heard.engine.hub import Hub
from heard.storage import store_figures
from heard.storage.store_figures import StoreFigures

_LATELY = timedelta(days=1)


async def figures_of(hub: Hub, stores: Sequence[tuple[OrganizationId, VenueId]]) -> dict[VenueId, StoreFigures]:
    """The figures of each of these stores, in one query."""
    since = await hub.now() - _LATELY
    async with hub.connection() as connection:
        found = await store_figures.store_figures(connection, stores, since)
    return {venue_id: found.get(venue_id, StoreFigures()) for _, venue_id in stores}
