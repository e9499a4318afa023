"""Link's routes, from the table of operations: a module of handlers for each thing that is called about."""

from starlette.routing import Route

from heard.engine.hub import Hub
from heard.http.handlers import answered
from heard.http.link import events, menus, orders, stores, tokens
from heard.net.answering import Handler
from heard.protocols.link.operations import OPERATIONS


def handlers(hub: Hub) -> dict[str, Handler]:
    """Every handler, by the name of its operation."""
    named: dict[str, Handler] = {}
    for module in (tokens, orders, events, stores, menus):
        named |= module.handlers(hub)
    return named


def routes(hub: Hub) -> list[Route]:
    """The routes of the operations table."""
    named = handlers(hub)
    return [
        Route(operation.path, answered(named[operation.name]), methods=[operation.method]) for operation in OPERATIONS
    ]
