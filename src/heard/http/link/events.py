"""Link's handlers for the event feed."""

from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.engine.hub import Client, Hub
from heard.engine.read_feed import read_feed
from heard.http.link.gate import LinkHandler
from heard.http.queries import once
from heard.protocols.bodies import page_size
from heard.protocols.link import encode

_JSON = "application/json"


def handlers(hub: Hub) -> dict[str, LinkHandler]:
    """Every handler by the name of its operation."""

    async def read(request: Request, client: Client) -> Response:
        after = once(request, "after")
        count = page_size(once(request, "limit"), limits.FEED_PAGE, limits.FEED_PAGE_MAX)
        events, then = await read_feed(hub, client, after, count)
        return Response(encode.encode_events(events, then), 200, {"cache-control": "no-store"}, _JSON)

    return {"read_events": read}
