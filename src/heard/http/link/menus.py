"""Link's handler for menus: a version is written once, and those who have it already get 304."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from heard.domain.ids import VenueId
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Client, Hub
from heard.engine.read_stores import read_store
from heard.http.link.gate import LinkHandler
from heard.http.menus import menu_response
from heard.protocols.link.menus import MenuFacts


def handlers(hub: Hub) -> dict[str, LinkHandler]:
    """Every handler by the name of its operation."""

    async def read(request: Request, client: Client) -> Response:
        store, status = await read_store(hub, client, VenueId(request.path_params["venue_id"]))
        if status.menu_version is None or status.menu_kept_at is None:
            raise Refused(Code.MENU_NOT_SYNCED, "The store has no menu, or it is not published.")
        facts = MenuFacts(store.venue_id, status.menu_version, store.currency, status.menu_kept_at, status.off)
        return await menu_response(request, facts.tag, partial(hub.written_menu, store, facts))

    return {"read_menu": read}
