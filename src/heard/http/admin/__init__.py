"""The admin API's routes, from the table of operations: a module of handlers for each thing that is called about."""

from starlette.routing import Route

from heard.engine.hub import Hub, KeyHolder
from heard.http.admin import items, marketplaces, orders, payments, points, search, stores, webhooks
from heard.http.admin.asked import AdminHandler, guarded
from heard.http.handlers import answered
from heard.protocols.admin.operations import OPERATIONS


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler, by the name of its operation."""
    steered = {**orders.handlers(hub), **stores.handlers(hub), **marketplaces.handlers(hub)}
    about = {**items.handlers(hub), **points.handlers(hub), **webhooks.handlers(hub), **payments.handlers(hub)}
    return {**steered, **about, **search.handlers(hub)}


def routes(hub: Hub, known: KeyHolder | None = None) -> list[Route]:
    """The routes of the operations table. `known`: who alone can call them, in this process; never on a socket."""
    named = handlers(hub)
    return [
        Route(one.path, answered(guarded(hub, one, named[one.name], known), route=one.path), methods=[one.method])
        for one in OPERATIONS
    ]
