"""The live board: what is under way, what needs a person."""

import time
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from heard import limits
from heard.console.cards import TITLES, Column, counts
from heard.console.gate import SESSION, Gate, Visit, show
from heard.console.house import House
from heard.domain.refusals import Code, Refused
from heard.engine import people


def routes(house: House, gate: Gate) -> list[Route]:
    """The page, and the stream that keeps it up to date."""

    async def board(visit: Visit) -> Response:
        look = await house.boards.of(visit.visitor.organization_id).look()
        cards = sorted(look.cards.values(), key=lambda one: one.order.order_id, reverse=True)
        return show(
            visit,
            "board.html",
            columns=[(one, TITLES[one], [each for each in cards if each.column is one]) for one in Column],
            counts=counts(cards),
            more=look.more,
            empty=not cards,
        )

    async def updates(visit: Visit) -> Response:
        if house.boards.is_full:
            raise Refused(Code.UNAVAILABLE, "Too many boards are open here.", retry_after_s=30)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(stream(visit), 200, headers, "text/event-stream")

    async def stream(visit: Visit) -> AsyncIterator[str]:
        """Ends when the session does: it is looked at now and then."""
        session, looked_at = visit.request.cookies.get(SESSION), time.monotonic()
        yield "retry: 1000\n\n"
        async for update in house.boards.of(visit.visitor.organization_id).watch():
            if time.monotonic() - looked_at >= limits.BOARD_PING_S:
                if await people.visitor(house.hub, session) is None:
                    return
                looked_at = time.monotonic()
            yield f"data: {update}\n\n" if update else ": still there\n\n"

    return [gate.page("/console", board), gate.page("/console/board/updates", updates)]
