"""The Ordering API's handlers for venues and their menus."""

import asyncio
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Hub
from heard.engine.ordering_access import Caller
from heard.engine.ordering_venues import Venue, read_venue
from heard.engine.written_menu import WrittenMenu, part_of
from heard.http.menus import menu_response
from heard.http.ordering.envelope import JSON
from heard.http.ordering.gate import OrderingHandler
from heard.protocols.ordering import decode, encode
from heard.protocols.ordering.menus import MenuView, OrderingMenuFacts, pick_categories


def handlers(hub: Hub) -> dict[str, OrderingHandler]:
    """Every handler by the name of its operation."""

    async def read(request: Request, caller: Caller) -> Response:
        nested = _nested(request)
        venue = await found(request, caller)
        body = encode.encode_venue(venue.store, venue.is_open, venue.points, venue.now, nested=nested)
        return Response(body, 200, media_type=JSON)

    async def menus(request: Request, caller: Caller) -> Response:
        view = MenuView.NESTED if _nested(request) else MenuView.PLAIN
        venue = await found(request, caller)
        facts = _facts(venue, view)
        return await menu_response(request, facts.tag, partial(hub.written_menu, venue.store, facts))

    async def categories(request: Request, caller: Caller) -> Response:
        venue, menu_id = await found(request, caller), request.path_params["menu_id"]
        facts = _facts(venue, MenuView.NESTED)

        async def written() -> WrittenMenu:
            everything = await hub.written_menu(venue.store, facts)
            one = await asyncio.to_thread(part_of, everything, partial(pick_categories, menu_id=menu_id))
            if one is None:
                raise Refused(Code.NOT_FOUND, f"The venue has no menu {menu_id[: limits.WORD_MAX]!r}.")
            return one

        return await menu_response(request, facts.tag, written)

    async def found(request: Request, caller: Caller) -> Venue:
        return await read_venue(hub, caller.client, decode.venue_id_of(request.path_params["venue_id"]))

    return {"read_venue": read, "read_menus": menus, "read_categories": categories}


def _nested(request: Request) -> bool:
    return decode.nested_view(request.query_params.getlist("view"))


def _facts(venue: Venue, view: MenuView) -> OrderingMenuFacts:
    """Raises Refused(menu_not_synced)."""
    if venue.menu_version is None:
        raise Refused(Code.MENU_NOT_SYNCED, "The venue has no menu, or it is not published.")
    served = encode.served_there(venue.points)
    return OrderingMenuFacts(venue.menu_version, served, venue.store.serving_times, view, venue.off)
