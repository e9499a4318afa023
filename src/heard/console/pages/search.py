"""The search for whatever has an id: one hit opens its page, several are listed."""

from urllib.parse import quote

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from heard import limits
from heard.console.gate import Gate, Visit, show
from heard.console.house import House
from heard.protocols.admin import operations
from heard.protocols.admin.wire_orders import Found

_ABOUT = frozenset({"event", "exchange"})


def routes(house: House, gate: Gate) -> list[Route]:
    """The search."""

    async def search(visit: Visit) -> Response:
        text = visit.query.get("q", "").strip()
        found: list[Found] = []
        too_long = len(text) > limits.SEARCH_TEXT_MAX
        if text and not too_long:
            result = await house.office.call(visit.visitor, operations.SEARCH, query={"q": text})
            found = result.found
        if len(found) == 1:
            return RedirectResponse(_page_of(found[0]), 303, {"cache-control": "no-store"})
        hits = [(one, _page_of(one)) for one in found]
        shown = text[: limits.SEARCH_TEXT_MAX]
        return show(visit, "search.html", 404 if text and not found else 200, text=shown, hits=hits, too_long=too_long)

    return [gate.page("/console/search", search)]


def _page_of(found: Found) -> str:
    """Where a thing is looked at. An endpoint stands among the others; a channel has its orders."""
    if found.kind == "event":
        return f"/console/failures/events/{quote(found.id, safe='')}"
    if found.kind == "store" or (found.kind in _ABOUT and found.order_id is None and found.venue_id is not None):
        return f"/console/stores/{quote(found.venue_id or found.id, safe='')}"
    if found.order_id is not None:
        return f"/console/orders/{quote(found.order_id, safe='')}"
    if found.kind in ("marketplace", "application"):
        return f"/console/orders?channel={quote(found.id, safe='')}"
    return f"/console/endpoints#{quote(found.id, safe='')}"
