"""The Ordering API's routes, from the table of operations: a module of handlers for each thing that is called about."""

from starlette.routing import Route

from heard.engine.hub import Hub
from heard.http.ordering import orders, payments, tokens, venues, webhooks
from heard.http.ordering.envelope import answered
from heard.http.ordering.gate import guarded
from heard.net.answering import Handler
from heard.net.call import Carrier
from heard.protocols.ordering.operations import OPERATIONS

BASE = "/api"


def handlers(hub: Hub, carrier: Carrier) -> dict[str, Handler]:
    """Every handler, by the name of its operation; behind the gate, but for that of tokens."""
    named = tokens.handlers(hub)  # who asks for a token has none yet
    table = {one.name: one for one in OPERATIONS}
    behind = {**webhooks.handlers(hub), **venues.handlers(hub), **payments.handlers(hub)}
    behind |= orders.handlers(hub, carrier)
    return named | {name: guarded(hub, table[name], handler) for name, handler in behind.items()}


def routes(hub: Hub, carrier: Carrier) -> list[Route]:
    """The routes of the operations table."""
    named = handlers(hub, carrier)
    return [Route(one.path, answered(named[one.name], one.path), methods=[one.method]) for one in OPERATIONS]


def is_below(path: str) -> bool:
    """Whether what is wrong with a path is told in the envelope."""
    return path == BASE or path.startswith(f"{BASE}/")
