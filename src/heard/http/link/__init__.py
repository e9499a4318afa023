"""Link's routes, from the table of operations: a module of handlers for each thing that is called about."""

from starlette.routing import Route

from heard.engine.hub import Hub
from heard.http.handlers import answered
from heard.http.link import events, menus, orders, stores, tokens
from heard.http.link.gate import guarded
from heard.net.answering import Handler
from heard.protocols.link.operations import OPERATIONS


def handlers(hub: Hub) -> dict[str, Handler]:
    """Every handler, by the name of its operation; behind the gate, but for those of tokens."""
    scopes = {one.name: one.scope for one in OPERATIONS if one.scope is not None}
    named = tokens.handlers(hub)  # who asks for a token has none yet
    for module in (orders, events, stores, menus):
        named |= {name: guarded(hub, scopes[name], handler) for name, handler in module.handlers(hub).items()}
    return named


def routes(hub: Hub) -> list[Route]:
    """The routes of the operations table."""
    named = handlers(hub)
    return [Route(one.path, answered(named[one.name], route=one.path), methods=[one.method]) for one in OPERATIONS]
