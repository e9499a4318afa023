"""The admin API's handler for whatever has an id."""

from starlette.responses import Response

from heard.engine.hub import Hub
from heard.engine.search import search_any
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, encode, wire_orders


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """The handler by the name of its operation."""

    async def search(asked: Asked) -> Response:
        found = await search_any(hub, asked.organization_id, decode.searched(asked.query))
        return answer(wire_orders.SearchResult(found=[encode.told(wire_orders.Found, one) for one in found]))

    return {"search": search}
