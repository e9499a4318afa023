"""An application reads its venues and their menus. One that it is not connected to is as unknown as none."""

from dataclasses import dataclass
from datetime import datetime

from heard.domain.hours import is_open_at
from heard.domain.ids import VenueId, uuid_of
from heard.domain.refusals import Code, Refused
from heard.domain.singular_points import SingularPoint
from heard.domain.stores import Store
from heard.engine.hub import Client, Hub
from heard.storage import connections, singular_points


@dataclass(frozen=True, slots=True)
class Venue:
    """A store as its applications see it. `menu_version` None: there is no menu, or none published. `off`: the ids of
    what is off it.
    """

    store: Store
    points: tuple[SingularPoint, ...]
    is_open: bool
    menu_version: str | None
    now: datetime
    off: frozenset[str] = frozenset()


async def read_venue(hub: Hub, client: Client, venue_id: VenueId) -> Venue:
    """One of the application's venues, as it is now: open when nobody holds it and it is serving time.

    Raises Refused(unknown_venue).
    """
    async with hub.connection() as connection:
        status = await connections.status_of(connection, client.organization_id, client.marketplace_id, venue_id)
        points = await singular_points.of_venue(connection, client.organization_id, venue_id)
        now: datetime = await connection.fetchval("SELECT business_now()")
    store = await hub.store(venue_id) if status else None
    if status is None or store is None:
        raise unknown_venue(venue_id)
    is_open = status.is_open and is_open_at(store.serving_times, now, store.zone)
    return Venue(store, tuple(points), is_open, status.menu_version, now, status.off)


def unknown_venue(venue_id: VenueId) -> Refused:
    """For a venue that an application is not connected to."""
    return Refused(Code.UNKNOWN_VENUE, f"There is no venue {uuid_of(venue_id)} that your application may order at.")
