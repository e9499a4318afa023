"""An operator's client of a hub, over its admin API. `docs/guides/operations.md` has an example.

`operations` are the calls there are, `wire`, `wire_items`, `wire_orders`, `wire_places` and `wire_webhooks` what goes
with them and comes back.
"""

from heard.clients.admin.client import AdminClient, AdminError
from heard.protocols.admin import operations, wire, wire_items, wire_orders, wire_places, wire_webhooks
from heard.protocols.bodies import PauseRequest

__all__ = [
    "AdminClient",
    "AdminError",
    "PauseRequest",
    "operations",
    "wire",
    "wire_items",
    "wire_orders",
    "wire_places",
    "wire_webhooks",
]
