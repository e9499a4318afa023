"""The developers' drawer: the calls and events about whatever page it is opened on, live."""

import re
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from heard.console.gate import Gate, Visit, show
from heard.console.house import House
from heard.domain.people import Role
from heard.engine.watch_traffic import Filter, traffic_about

KINDS: Final = {"pos": "POS", "channel": "Channels", "payment": "Payments", "events": "Events"}
_ABOUT = re.compile(r"/console/(orders|stores|menus)/((?:ord|ven)_[0-9a-z]{26})")


def routes(house: House, gate: Gate) -> list[Route]:
    """The drawer, and the rows in it, which it asks for again and again."""

    async def drawer(visit: Visit) -> Response:
        page = visit.query.get("page", "")
        return show(visit, "_drawer.html", page=page, about=about(page), kinds=KINDS)

    async def rows(visit: Visit) -> Response:
        page, kind = visit.query.get("page", ""), visit.query.get("kind", "")
        _, order_id, venue_id = about(page)
        wanted = Filter(order_id, venue_id, kind if kind in KINDS else None, visit.query.get("failed") == "on")
        found = await traffic_about(house.hub, visit.visitor.organization_id, wanted)
        text = visit.query.get("text", "").strip().casefold()[:100]
        shown = [row for row in found if not text or text in " ".join(map(str, row.values())).casefold()]
        return show(visit, "_drawer_rows.html", rows=shown)

    return [
        gate.page("/console/drawer", drawer, Role.DEVELOPER),
        gate.page("/console/drawer/rows", rows, Role.DEVELOPER),
    ]


def about(page: str) -> tuple[str, str | None, str | None]:
    """What a page is about, in words; the order or the store, if it is about one.

    >>> about("/console/stores")
    ('everything', None, None)
    """
    found = _ABOUT.match(page)
    if found is None:
        return "everything", None, None
    own_id = found[2]
    return ("this order", own_id, None) if own_id.startswith("ord_") else ("this store", None, own_id)
