"""Link's handler for menus: a version is written once, and those who have it already get 304."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.domain.ids import VenueId
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Client, Hub
from heard.engine.read_stores import read_store
from heard.http.link.gate import LinkHandler
from heard.net.conditional import has_it, takes_gzip


def handlers(hub: Hub) -> dict[str, LinkHandler]:
    """Every handler by the name of its operation."""

    async def read(request: Request, client: Client) -> Response:
        store, status = await read_store(hub, client, VenueId(request.path_params["venue_id"]))
        if status.menu_version is None or status.menu_kept_at is None:
            raise Refused(Code.MENU_NOT_SYNCED, "The store has no menu, or it is not published.")
        # The same version in other bytes is another representation: a strong ETag tells them apart.
        plain, packed = f'"{status.menu_version}"', f'"{status.menu_version}-gzip"'
        zipped = takes_gzip(request.headers.get("accept-encoding"))
        headers = {"etag": packed if zipped else plain, "vary": "accept-encoding"}
        if has_it(", ".join(request.headers.getlist("if-none-match")) or None, plain, packed):
            return Response(status_code=304, headers=headers)
        menu = await hub.link_menu(store, status.menu_version, status.menu_kept_at)
        if zipped:
            return Response(menu.packed, 200, headers | {"content-encoding": "gzip"}, "application/json")
        here = len(menu.packed) <= limits.LINK_MENU_HERE_BYTES_MAX
        body = menu.unpacked if here else await asyncio.to_thread(lambda: menu.unpacked)
        return Response(body, 200, headers, "application/json")

    return {"read_menu": read}
