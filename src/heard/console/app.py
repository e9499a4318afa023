"""The routes of the console, a module of pages for each thing that is looked at."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from heard.console.gate import Gate, Visit
from heard.console.house import House
from heard.console.pages import board, drawer, entry, keys, me, order, orders, people, search
from heard.console.pages import (
    board,
    drawer,
    endpoints,
    entry,
    events,
    failures,
    keys,
    me,
    order,
    orders,
    people,
    search,
)
from heard.console.pages import board, entry, menus, stores
from heard.console.pages import activity, board, entry
from heard.console.rendering import static
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Hub
from heard.net.call import Carrier


def routes(hub: Hub, carrier: Carrier) -> list[Route]:
    """All pages and actions. `carrier`: the way out, for who has something fetched or sent again."""
    house, gate = House(hub, carrier), Gate(hub)
    return [
        gate.open("/console/static/{hash}/{name}", static),
        gate.open("/console/", _to_home),
        *entry.routes(house, gate),
        *board.routes(house, gate),
        *failures.routes(house, gate),
        *events.routes(house, gate),
        *endpoints.routes(house, gate),
        *drawer.routes(house, gate),
        *people.routes(house, gate),
        *me.routes(house, gate),
        *keys.routes(house, gate),
        *orders.routes(house, gate),
        *order.routes(house, gate),
        *search.routes(house, gate),
        gate.page("/console/{rest:path}", _nowhere),
        *stores.routes(house, gate),
        *menus.routes(house, gate),
        *activity.routes(house, gate),
    ]


async def _to_home(_: Request) -> Response:
    return RedirectResponse("/console", 308)


async def _nowhere(visit: Visit) -> Response:
    raise Refused(Code.NOT_FOUND, "The console has no such page.")
