"""The admin API's handlers for stores, their menus, and how their POS is."""

from starlette.responses import Response

from heard.domain.ids import VenueId
from heard.engine import oversee
from heard.engine.hub import Hub
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, encode, wire


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler by the name of its operation."""

    async def list_(asked: Asked) -> Response:
        count = decode.page_size(asked.query)
        rows = await oversee.stores_page(hub, asked.organization_id, count, asked.query.get("after", ""))
        last = rows[-1]["venue_id"] if len(rows) == count else None
        return answer(wire.StorePage(stores=[encode.store_view(row) for row in rows], next=last))

    async def read(asked: Asked) -> Response:
        row = await oversee.one_store(hub, asked.organization_id, VenueId(asked.path["venue_id"]))
        return answer(encode.store_view(row))

    async def menus(asked: Asked) -> Response:
        venue_id, count = VenueId(asked.path["venue_id"]), decode.page_size(asked.query)
        after = asked.query.get("after")
        found, current = await oversee.menu_versions(hub, asked.organization_id, venue_id, count, after)
        last = found[-1].version if len(found) == count else None
        return answer(wire.MenuPage(versions=[encode.menu_version(one, current) for one in found], next=last))

    async def health(asked: Asked) -> Response:
        count = decode.page_size(asked.query)
        rows = await oversee.stores_page(hub, asked.organization_id, count, asked.query.get("after", ""))
        last = rows[-1]["venue_id"] if len(rows) == count else None
        return answer(wire.PosHealthPage(stores=[encode.pos_health(row) for row in rows], next=last))

    return {"list_stores": list_, "read_store": read, "list_menus": menus, "list_health": health}
