"""The routes of the console, a module of pages for each thing that is looked at."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from heard.console.gate import Gate
from heard.console.house import House
from heard.console.pages import activity, board, entry
from heard.console.rendering import static
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
        *activity.routes(house, gate),
    ]


async def _to_home(_: Request) -> Response:
    return RedirectResponse("/console", 308)
