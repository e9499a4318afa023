"""A menu as an answer: those who have it already get 304, those who take gzip get it as it is kept."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.engine.written_menu import WrittenMenu
from heard.net.conditional import has_it, takes_gzip


async def menu_response(request: Request, tag: str, written: Callable[[], Awaitable[WrittenMenu]]) -> Response:
    """`tag` names the document's content; it is `written` only for those who have it not."""
    # The same content in other bytes is another representation: a strong ETag tells them apart.
    plain, packed = f'"{tag}"', f'"{tag}-gzip"'
    zipped = takes_gzip(request.headers.get("accept-encoding"))
    headers = {"etag": packed if zipped else plain, "vary": "accept-encoding"}
    if has_it(", ".join(request.headers.getlist("if-none-match")) or None, plain, packed):
        return Response(status_code=304, headers=headers)
    menu = await written()
    if zipped:
        return Response(menu.packed, 200, headers | {"content-encoding": "gzip"}, "application/json")
    here = len(menu.packed) <= limits.WRITTEN_MENU_HERE_BYTES_MAX
    body = menu.unpacked if here else await asyncio.to_thread(lambda: menu.unpacked)
    return Response(body, 200, headers, "application/json")
