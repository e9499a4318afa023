"""The live board: what is under way, what needs a person."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing

from markupsafe import Markup
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from heard import limits
from heard.console.cards import TITLES, Column, counts
from heard.console.gate import SESSION, Gate, Visit, show
from heard.console.house import House
from heard.domain.refusals import Code, Refused
from heard.engine import people
from heard.storage.faults import UNREACHABLE


def routes(house: House, gate: Gate) -> list[Route]:
    """The page, and the stream that keeps it up to date."""

    async def board(visit: Visit) -> Response:
        look = await house.boards.of(visit.visitor.organization_id).look()
        first: dict[Column, list[Markup]] = {column: [] for column in Column}
        for ref, card in look.cards.items():
            if len(first[card.column]) < limits.BOARD_FIRST_CARDS:
                first[card.column].append(Markup(look.html[ref]))  # noqa: S704 - made by a template of ours
        count = counts(look.cards.values())
        columns = [(one, TITLES[one], count[one], first[one]) for one in Column]
        rest = len(look.cards) - sum(map(len, first.values()))
        return show(visit, "board.html", columns=columns, more=look.more + rest, empty=not look.cards)

    async def updates(visit: Visit) -> Response:
        if house.hub.readiness.stopping:
            raise Refused(Code.UNAVAILABLE, "The hub is being stopped.", retry_after_s=1)
        if house.boards.is_full:
            raise Refused(Code.UNAVAILABLE, "Too many boards are open here.", retry_after_s=30)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(stream(visit), 200, headers, "text/event-stream")

    async def stream(visit: Visit) -> AsyncIterator[str]:
        """Ends when the session does, which is looked at now and then, and says so."""
        session, looked_at = visit.request.cookies.get(SESSION), time.monotonic()
        yield "retry: 1000\n\n"
        async with aclosing(house.boards.of(visit.visitor.organization_id).watch()) as updates:
            async for update in updates:
                if time.monotonic() - looked_at >= limits.BOARD_PING_S:
                    if not await is_in(session):
                        yield "event: over\ndata: over\n\n"
                        return
                    looked_at = time.monotonic()
                yield f"data: {update}\n\n" if update else "event: there\ndata: there\n\n"

    async def is_in(session: str | None) -> bool:
        """Nobody is sent away because the database does not answer."""
        try:
            return await people.visitor(house.hub, session) is not None
        except UNREACHABLE:
            return True

    return [gate.page("/console", board), gate.page("/console/board/updates", updates)]
