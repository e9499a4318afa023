"""The admin API's handlers for where at a store orders are placed to."""

from starlette.responses import Response

from heard.domain.ids import SingularPointId, VenueId
from heard.engine import singular_points
from heard.engine.hub import Hub
from heard.engine.oversee import store_of
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, encode, wire_places


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler by the name of its operation."""

    async def list_(asked: Asked) -> Response:
        count, named = decode.page_size(asked.query), asked.query.get("venue_id")
        venue_id = VenueId(named) if named is not None else None
        after = asked.query.get("after", "")
        found = await singular_points.points_page(hub, asked.organization_id, venue_id, count, after)
        last = found[-1].singular_point_id if len(found) == count else None
        return answer(wire_places.PointPage(points=[encode.point_view(one) for one in found], next=last))

    async def add(asked: Asked) -> Response:
        order_types = decode.decode_order_types(asked.body.order_types)
        store = await store_of(hub, asked.organization_id, VenueId(asked.path["venue_id"]))
        point = await singular_points.add_point(hub, store, asked.body.name, order_types)
        return answer(encode.point_view(point), 201)

    async def remove(asked: Asked) -> Response:
        point_id = SingularPointId(asked.path["singular_point_id"])
        point = await singular_points.remove_point(hub, asked.organization_id, point_id)
        return answer(wire_places.PointRemoved(singular_point_id=point.singular_point_id, removed=True))

    return {"list_points": list_, "add_point": add, "remove_point": remove}
