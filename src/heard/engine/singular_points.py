"""An operator says where at a store orders are placed to."""

from collections.abc import Sequence

from heard import limits
from heard.domain.ids import OrganizationId, SingularPointId, VenueId
from heard.domain.order_types import OrderType
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.singular_points import SingularPoint
from heard.domain.stores import Store
from heard.engine.hub import Hub
from heard.engine.oversee import store_of
from heard.storage import singular_points, store_events


async def add_point(hub: Hub, store: Store, name: str, order_types: Sequence[OrderType]) -> SingularPoint:
    """Raises Refused(order_conflict): the store has one of that name already, or too many."""
    now = await hub.now()
    point_id = SingularPointId(hub.new_id("spt", now))
    kinds = tuple(one for one in OrderType if one in order_types)
    point = SingularPoint(store.organization_id, point_id, store.venue_id, name, kinds)
    async with hub.connection() as connection, connection.transaction():
        await store_events.lock(connection, store)
        known = await singular_points.of_venue(connection, store.organization_id, store.venue_id)
        if len(known) >= limits.SINGULAR_POINTS_MAX:
            raise _conflict("$", "too_many", f"{store.venue_id} has {len(known)} singular points, and may have no more")
        if any(one.name == name for one in known):
            raise _conflict("$.name", "taken", f"{store.venue_id} has a singular point {name!r} already")
        await singular_points.add(connection, point)
    return point


async def remove_point(
    hub: Hub, organization_id: OrganizationId | None, singular_point_id: SingularPointId
) -> SingularPoint:
    """No order is placed to it any more. Other processes see it within STORE_CACHE_S. Raises Refused."""
    async with hub.connection() as connection:
        point = await singular_points.find(connection, singular_point_id)
        if point is None or organization_id not in (None, point.organization_id):
            raise unknown_point(singular_point_id)
        await singular_points.remove(connection, point)
    hub.forget_point(point)
    return point


async def points_page(
    hub: Hub, organization_id: OrganizationId | None, venue_id: VenueId | None, count: int, after: str = ""
) -> list[SingularPoint]:
    """A page of them, or of one store's. Raises Refused(unknown_venue)."""
    if venue_id is not None:
        await store_of(hub, organization_id, venue_id)
    async with hub.connection() as connection:
        return await singular_points.list_points(connection, count, after, organization_id, venue_id)


async def points_of(hub: Hub, store: Store) -> list[SingularPoint]:
    """Those of one store."""
    async with hub.connection() as connection:
        return await singular_points.of_venue(connection, store.organization_id, store.venue_id)


def unknown_point(singular_point_id: str) -> Refused:
    """What an operator is told of one that there is not, or that is not theirs."""
    text = f"There is no singular point {singular_point_id!r}; see `heard points list`."
    return Refused(Code.UNKNOWN_SINGULAR_POINT, text)


def _conflict(path: str, code: str, text: str) -> Refused:
    return Refused(Code.ORDER_CONFLICT, f"{text}.", FieldError(path, code, text))
