"""What watches a process: its figures for Prometheus, whether it lives, whether it can do its work.

Served on a port of its own (setting metrics.port), for the operator's network: the figures name channels and stores.
"""

import asyncio
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from heard import __version__, limits
from heard.domain.refusals import Code, Refused
from heard.engine import metrics
from heard.engine.hub import Hub
from heard.http.handlers import answered
from heard.storage import gauges
from heard.storage.faults import UNREACHABLE

HEALTH: Final = ("/healthz", "/readyz")
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def health(hub: Hub) -> list[Route]:
    """`/healthz`: the process lives. `/readyz`: it can do its work; 503 while it cannot, which says why."""

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def ready(_: Request) -> Response:
        why = await hub.readiness.why_not()
        if why is not None:
            raise Refused(Code.UNAVAILABLE, f"Not ready: {why}.")
        return JSONResponse({"status": "ok"})

    return [Route(path, answered(handler)) for path, handler in zip(HEALTH, (alive, ready), strict=True)]


def make_watch(hub: Hub) -> Starlette:
    """The app behind the port of the metrics."""

    async def figures(_: Request) -> Response:
        try:
            async with asyncio.timeout(limits.FIGURES_WITHIN_S), hub.connection() as connection:
                readings = await gauges.read(connection)
        except UNREACHABLE:
            readings = None
        return Response(metrics.exposition(hub, readings), media_type=_CONTENT_TYPE)

    return Starlette(routes=[Route("/metrics", answered(figures)), *health(hub)])
