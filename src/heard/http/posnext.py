"""The one posnext route the hub hosts: a POS calls back about an order."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.domain.ids import VenueId
from heard.engine.hear_pos import CALLBACK_PATH, hear_pos
from heard.engine.hub import Hub
from heard.http.handlers import answered
from heard.net.bodies import read_json_body


def routes(hub: Hub) -> list[Route]:
    async def callback(request: Request) -> Response:
        raw = await read_json_body(request, limits.CALLBACK_BYTES_MAX)
        await hear_pos(
            hub,
            VenueId(request.path_params["venue_id"]),
            request.headers.get("authorization"),
            request.headers.get("x-pch-digest"),
            raw,
        )
        return Response(status_code=204)

    return [Route(CALLBACK_PATH, answered(callback, route=CALLBACK_PATH), methods=["POST"])]
