"""Link's handlers for the event feed."""

from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.domain.refusals import FieldError
from heard.engine.hub import Hub
from heard.engine.link_tokens import authenticate
from heard.engine.read_feed import read_feed
from heard.http.link.asked import once
from heard.net.answering import Handler
from heard.protocols.link import encode
from heard.protocols.strict_json import invalid_body

_JSON = "application/json"


def handlers(hub: Hub) -> dict[str, Handler]:
    """Every handler by the name of its operation."""

    async def read(request: Request) -> Response:
        client = await authenticate(hub, request.headers.get("authorization"), "events")
        after, count = once(request, "after"), _count(once(request, "limit"))
        events, then = await read_feed(hub, client, after, count)
        return Response(encode.encode_events(events, then), 200, {"cache-control": "no-store"}, _JSON)

    return {"read_events": read}


def _count(text: str | None) -> int:
    if text is None:
        return limits.FEED_PAGE
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= number <= limits.FEED_PAGE_MAX:
        raise invalid_body(FieldError("limit", "out_of_range", f"is a whole number from 1 to {limits.FEED_PAGE_MAX}"))
    return number
