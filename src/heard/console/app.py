"""The routes of the console, a module of pages for each thing that is looked at."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from heard.console.elsewhere import Elsewhere
from heard.console.gate import Gate, Visit
from heard.console.house import House
from heard.console.pages import (
    activity,
    board,
    drawer,
    endpoints,
    entry,
    events,
    failures,
    keys,
    me,
    menus,
    order,
    orders,
    people,
    search,
    sign_in_elsewhere,
    stores,
    tries,
)
from heard.console.rendering import static
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Hub
from heard.net.call import Carrier


def routes(hub: Hub, carrier: Carrier, elsewhere: Elsewhere | None = None) -> list[Route]:
    """All pages and actions. `carrier`: the way out, for who has something fetched or sent again; `elsewhere`: whom
    people may sign in through.
    """
    house, gate = House(hub, carrier, elsewhere), Gate(hub)
    pages = (
        entry,
        sign_in_elsewhere,
        board,
        orders,
        order,
        tries,
        search,
        failures,
        events,
        endpoints,
        stores,
        menus,
        activity,
        people,
        me,
        keys,
        drawer,
    )
    return [
        gate.open("/console/static/{hash}/{name}", static),
        gate.open("/console/", _to_home),
        *(route for page in pages for route in page.routes(house, gate)),
        gate.page("/console/{rest:path}", _nowhere),  # behind all others: routes are sorted by their paths
    ]


async def _to_home(_: Request) -> Response:
    return RedirectResponse("/console", 308)


async def _nowhere(visit: Visit) -> Response:
    raise Refused(Code.NOT_FOUND, "The console has no such page.")
