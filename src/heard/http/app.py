"""The hub's ASGI app: the routes of every protocol, health, and refusals for whatever has no route."""

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from heard.domain.refusals import Code, Refused
from heard.engine.admin_keys import local_operator
from heard.engine.hub import Hub
from heard.http import admin, link, openapi, ordering, posnext
from heard.http.doors import Doors
from heard.http.ordering.envelope import refusal_response, repeating
from heard.http.watch import health
from heard.net.answering import FAILED, problem_response, request_id_of
from heard.net.call import Carrier


class HubApp(Starlette):
    """Starlette's app with a short way: a call whose path has no variable is found by looking it up.

    A new order comes that way: trying fifty patterns and passing through middleware that catches what every handler
    answers for itself anyway took a third of the server's time for it.
    """

    def __init__(self, routes: list[Route]) -> None:
        super().__init__(routes=_merged(routes), exception_handlers={HTTPException: _no_route})
        fixed = [route for route in routes if not route.param_convertors]
        self._at_once = {(method, route.path): route.endpoint for route in fixed for method in route.methods or ()}
        self.router.redirect_slashes = False  # another path is another path; nobody is led to what a Host header says

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._at_once.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if handler is None or scope.get("root_path"):
            await super().__call__(scope, receive, send)
            return
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)


def make_app(hub: Hub, carrier: Carrier, pages: Iterable[Route] = ()) -> Doors:
    """What `heard serve` serves, with a door in front of each API.

    `carrier`: the way to a store's POS, for who asks what it would charge. `pages`: the console's.
    """
    protocols = [*link.routes(hub), *ordering.routes(hub, carrier), *posnext.routes(hub), *admin.routes(hub)]
    return Doors(HubApp([*protocols, *openapi.routes(), *health(hub), *pages]))


def make_office(hub: Hub) -> HubApp:
    """The admin API for whoever runs a command where the hub's database is: no key is asked for, all may be done.

    It is called in this process, and must never be served on a socket.
    """
    return HubApp(admin.routes(hub, local_operator()))


def _merged(routes: list[Route]) -> list[Route]:
    """Routes of one path behind one another, so that a wrong method is told apart from a wrong path."""
    return sorted(routes, key=lambda route: route.path)


async def _no_route(request: Request, exception: Exception) -> Response:
    status = exception.status_code if isinstance(exception, HTTPException) else 500
    if status == 405:
        refused = Refused(Code.METHOD_NOT_ALLOWED, f"{request.method} is not served at {request.url.path}.")
    elif status == 404:
        refused = Refused(Code.NOT_FOUND, f"Nothing is served at {request.url.path}.")
    else:
        refused = Refused(Code.INTERNAL, FAILED)
    request_id = request_id_of(request)
    in_envelope = ordering.is_below(request.url.path)
    response = (refusal_response if in_envelope else problem_response)(refused, request_id)
    response.headers["x-request-id"] = request_id
    if status == 405:
        response.headers["allow"] = ", ".join(_methods_at(request))
    return repeating(request, response) if in_envelope else response


def _methods_at(request: Request) -> list[str]:
    """Every method that some route serves at the request's path."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    found = [route.methods or set() for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted(set().union(*found))
