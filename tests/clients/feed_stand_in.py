"""The event feed before a hub that serves none: read straight from its table. One that does is left alone."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from heard.engine.hub import Hub
from heard.http.app import make_app
from heard.protocols.link.operations import OPERATIONS

PATH = "/link/v2/events"


def with_feed(hub: Hub, marketplace_id: str) -> Any:
    """The hub's app, and one marketplace's feed."""
    app = make_app(hub)
    if any(operation.path == PATH for operation in OPERATIONS):
        return app

    async def feed(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await app(scope, receive, send)
            return
        after = int(Request(scope).query_params.get("after", "0"))
        sql = (
            "SELECT position, event_id, body FROM events WHERE marketplace_id = $1 AND position > $2 ORDER BY position"
        )
        rows = await hub.pool.fetch(f"{sql} LIMIT 1000", marketplace_id, after)
        told = b",".join(b'{"id":"%b",%b' % (row["event_id"].encode(), row["body"][1:]) for row in rows)
        then = str(rows[-1]["position"] if rows else after).encode()
        body = b'{"events":[%b],"next":"%b"}' % (told, then)
        await Response(body, media_type="application/json")(scope, receive, send)

    return feed
