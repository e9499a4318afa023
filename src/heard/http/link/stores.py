"""Link's handlers for stores: how they are, and a marketplace's own pauses."""

from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.domain.ids import VenueId
from heard.domain.refusals import FieldError
from heard.engine.hub import Client, Hub
from heard.engine.pause_store import pause_store, resume_store
from heard.engine.read_stores import list_stores, read_store
from heard.http.link.gate import LinkHandler
from heard.http.queries import once
from heard.net.bodies import read_body, read_json_body
from heard.protocols.bodies import page_size
from heard.protocols.link import stores
from heard.protocols.strict_json import invalid_body

_JSON = "application/json"


def handlers(hub: Hub) -> dict[str, LinkHandler]:
    """Every handler by the name of its operation."""

    async def list_(request: Request, client: Client) -> Response:
        count, after = _page(request)
        page = await list_stores(hub, client, count, after)
        body = stores.encode_store_list(page, client.marketplace_id, hub.public_url or "", more=len(page) == count)
        return Response(body, 200, media_type=_JSON)

    async def read(request: Request, client: Client) -> Response:
        return await answer(client, _venue(request))

    async def pause(request: Request, client: Client) -> Response:
        raw = await read_json_body(request, limits.SMALL_BODY_BYTES_MAX)
        store, _ = await read_store(hub, client, _venue(request))
        reason, minutes = stores.decode_pause(raw)
        await pause_store(hub, store, client.marketplace_id, reason, minutes, connected=True)
        return await answer(client, store.venue_id)

    async def resume(request: Request, client: Client) -> Response:
        raw = await read_body(request, limits.SMALL_BODY_BYTES_MAX)
        store, _ = await read_store(hub, client, _venue(request))
        stores.check_resume(raw)
        await resume_store(hub, store, client.marketplace_id)
        return await answer(client, store.venue_id)

    async def answer(client: Client, venue_id: VenueId) -> Response:
        _, status = await read_store(hub, client, venue_id)
        body = stores.encode_store(status, client.marketplace_id, hub.public_url or "")
        return Response(body, 200, media_type=_JSON)

    return {"list_stores": list_, "read_store": read, "pause_store": pause, "resume_store": resume}


def _venue(request: Request) -> VenueId:
    return VenueId(request.path_params["venue_id"])


def _page(request: Request) -> tuple[int, str]:
    """`limit` and `after` of the query. Raises Refused(invalid_body)."""
    count = page_size(once(request, "limit"), limits.PAGE_USUAL, limits.PAGE_MAX)
    after = once(request, "after") or ""
    if len(after) > limits.ID_MAX:
        raise invalid_body(FieldError("after", "too_long", "give the `next` of the page before"))
    return count, after
