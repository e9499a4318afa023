"""The admin API's calls, written once: the routes, OpenAPI and what a client may call are this table.

A call that only looks needs the scope `read`; one that changes something, the scope of what it changes.
"""

from typing import Any, Final

from heard import limits
from heard.domain.endpoints import DeliveryState
from heard.protocols import bodies
from heard.protocols.admin import operations_applications as applications
from heard.protocols.admin import operations_items as items
from heard.protocols.admin import operations_orders as orders
from heard.protocols.admin import operations_places as places
from heard.protocols.admin import wire, wire_webhooks
from heard.protocols.admin.operation import ID as _ID
from heard.protocols.admin.operation import PAGE as _PAGE
from heard.protocols.admin.operation import STORES as _STORES
from heard.protocols.admin.operation import Operation
from heard.protocols.openapi import Query

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": limits.TEXT_MAX}
_TIME: Final = {"type": "string", "format": "date-time", "minLength": 1, "maxLength": limits.WORD_MAX}
_WEBHOOKS: Final = "/admin/v1/webhooks"
_MARKETPLACES: Final = "/admin/v1/marketplaces"
_PAYMENTS: Final = "/admin/v1/payments"


# --- orders -----------------------------------------------------------------------------------------------

SEARCH: Final = orders.SEARCH
LIST_ORDERS: Final = orders.LIST_ORDERS
READ_ORDER: Final = orders.READ_ORDER
ACCEPT_ORDER: Final = orders.ACCEPT_ORDER
REJECT_ORDER: Final = orders.REJECT_ORDER
START_ORDER: Final = orders.START_ORDER
MOVE_ETA: Final = orders.MOVE_ETA
FINISH_ORDER: Final = orders.FINISH_ORDER
COMPLETE_ORDER: Final = orders.COMPLETE_ORDER
RESOLVE_ORDER: Final = orders.RESOLVE_ORDER
CANCEL_ORDER: Final = orders.CANCEL_ORDER
RETRY_ORDER: Final = orders.RETRY_ORDER
TRY_ORDER: Final = orders.TRY_ORDER

# --- stores and their menus -------------------------------------------------------------------------------

LIST_STORES: Final = Operation(
    name="list_stores",
    method="GET",
    path=_STORES,
    summary="Stores, with their menu, who is connected, and whether they are open",
    scope="read",
    response=wire.StorePage,
    queries=_PAGE,
)

READ_STORE: Final = Operation(
    name="read_store",
    method="GET",
    path=f"{_STORES}/{{venue_id}}",
    summary="One store",
    scope="read",
    response=wire.StoreView,
)

PAUSE_STORE: Final = Operation(
    name="pause_store",
    method="POST",
    path=f"{_STORES}/{{venue_id}}/pause",
    summary="Take no new orders, for so long or until it is resumed; marketplaces are told",
    scope="stores",
    request=bodies.PauseRequest,
    response=wire.StoreView,
)

RESUME_STORE: Final = Operation(
    name="resume_store",
    method="POST",
    path=f"{_STORES}/{{venue_id}}/resume",
    summary="Lift the staff's own pause; the store is open when nobody else holds one",
    scope="stores",
    response=wire.StoreView,
)

CONNECT_STORE: Final = Operation(
    name="connect_store",
    method="POST",
    path=f"{_STORES}/{{venue_id}}/connect",
    summary="Let a marketplace send orders to a store",
    scope="stores",
    request=wire.StoreConnection,
    response=wire.ConnectionState,
)

DISCONNECT_STORE: Final = Operation(
    name="disconnect_store",
    method="POST",
    path=f"{_STORES}/{{venue_id}}/disconnect",
    summary="Take no new orders from a marketplace; those it has sent go on",
    scope="stores",
    request=wire.StoreConnection,
    response=wire.ConnectionState,
)

SET_RULES: Final = Operation(
    name="set_rules",
    method="POST",
    path=f"{_STORES}/{{venue_id}}/rules",
    summary="Change what holds for a store's orders and its menu",
    scope="stores",
    request=wire.SetRules,
    response=wire.StoreView,
)

LIST_MENUS: Final = Operation(
    name="list_menus",
    method="GET",
    path=f"{_STORES}/{{venue_id}}/menus",
    summary="The versions of a store's menu, the one that was in use last first, and what each changed",
    scope="read",
    response=wire.MenuPage,
    queries=_PAGE,
)

PUBLISH_MENU: Final = Operation(
    name="publish_menu",
    method="POST",
    path=f"{_STORES}/{{venue_id}}/menu/publish",
    summary="Let marketplaces have a store's menu, now and as it changes",
    scope="menus",
    response=wire.MenuPublished,
)

UNPUBLISH_MENU: Final = Operation(
    name="unpublish_menu",
    method="POST",
    path=f"{_STORES}/{{venue_id}}/menu/unpublish",
    summary="Withdraw a store's menu: it takes no new orders, and those under way go on",
    scope="menus",
    response=wire.MenuPublished,
)

LIST_ITEMS_OFF: Final = items.LIST_ITEMS_OFF
TAKE_ITEM_OFF: Final = items.TAKE_ITEM_OFF
PUT_ITEM_BACK: Final = items.PUT_ITEM_BACK

LIST_HEALTH: Final = Operation(
    name="list_health",
    method="GET",
    path="/admin/v1/health",
    summary="How the POS of each store is",
    scope="read",
    response=wire.PosHealthPage,
    queries=_PAGE,
)

# --- when, where, and with what taxes orders are placed -------------------------------------------------------

SET_HOURS: Final = places.SET_HOURS
SET_TAXES: Final = places.SET_TAXES
LIST_POINTS: Final = places.LIST_POINTS
ADD_POINT: Final = places.ADD_POINT
REMOVE_POINT: Final = places.REMOVE_POINT

# --- webhooks ---------------------------------------------------------------------------------------------

LIST_ENDPOINTS: Final = Operation(
    name="list_endpoints",
    method="GET",
    path=f"{_WEBHOOKS}/endpoints",
    summary="Webhook endpoints: how each does, what waits for it, what is dead",
    scope="read",
    response=wire_webhooks.EndpointPage,
    queries=(Query("marketplace", "Only this one's, by name or id", schema=_TEXT), *_PAGE),
)

ADD_ENDPOINT: Final = Operation(
    name="add_endpoint",
    method="POST",
    path=f"{_WEBHOOKS}/endpoints",
    summary="Add an endpoint to a marketplace; its secret is in this answer and never shown again",
    scope="admin",
    request=wire_webhooks.NewEndpoint,
    response=wire_webhooks.EndpointAdded,
    success=(201,),
)

ROTATE_ENDPOINT_SECRET: Final = Operation(
    name="rotate_endpoint_secret",
    method="POST",
    path=f"{_WEBHOOKS}/endpoints/{{endpoint_id}}/rotate-secret",
    summary="Give an endpoint a new secret; deliveries are signed with the old one too for a while",
    scope="admin",
    request=wire.RotateSecret,
    response=wire_webhooks.EndpointSecret,
)

REMOVE_ENDPOINT: Final = Operation(
    name="remove_endpoint",
    method="POST",
    path=f"{_WEBHOOKS}/endpoints/{{endpoint_id}}/remove",
    summary="Remove an endpoint for good; what waits for it is dead",
    scope="admin",
    response=wire_webhooks.EndpointRemoved,
)

LIST_DELIVERIES: Final = Operation(
    name="list_deliveries",
    method="GET",
    path=f"{_WEBHOOKS}/deliveries",
    summary="Deliveries, those of the newest events first",
    scope="read",
    response=wire_webhooks.DeliveryPage,
    queries=(
        Query("state", "Only those that stand there", schema={"type": "string", "enum": [*DeliveryState]}),
        Query("endpoint_id", "Only to this endpoint", schema=_ID),
        *_PAGE,
    ),
)

READ_EVENT: Final = Operation(
    name="read_event",
    method="GET",
    path=f"{_WEBHOOKS}/events/{{event_id}}",
    summary="An event: its body, where it goes, every attempt to deliver it",
    scope="read",
    response=wire_webhooks.EventDetail,
)

COUNT_REPLAY: Final = Operation(
    name="count_replay",
    method="GET",
    path=f"{_WEBHOOKS}/replay",
    summary="How many deliveries a replay would make due again",
    scope="read",
    response=wire_webhooks.ReplayCount,
    queries=(
        Query("since", "Events of this time and later", required=True, schema=_TIME),
        Query("until", "Events before this time", schema=_TIME),
        Query("endpoint_id", "Only to this endpoint", schema=_ID),
        Query("marketplace", "Only to this one's endpoints, by name or id", schema=_TEXT),
        Query("everything", "Also what was taken, or was never due", schema={"type": "boolean"}),
        Query("dead_since", "Only what is dead since then", schema=_TIME),
        Query("after", "The `next` of a replay that was broken off", schema=_ID),
    ),
)

REPLAY: Final = Operation(
    name="replay",
    method="POST",
    path=f"{_WEBHOOKS}/replay",
    summary="Make a batch of events due again, each order's in order; with `next` as `after`, the batch behind it",
    scope="webhooks",
    request=wire_webhooks.Replay,
    response=wire_webhooks.Replayed,
)

RESEND_EVENT: Final = Operation(
    name="resend_event",
    method="POST",
    path=f"{_WEBHOOKS}/events/{{event_id}}/resend",
    summary="Send an event again, with a fresh row of retries",
    scope="webhooks",
    request=wire_webhooks.ResendEvent,
    response=wire_webhooks.EventResent,
)

DISABLE_ENDPOINT: Final = Operation(
    name="disable_endpoint",
    method="POST",
    path=f"{_WEBHOOKS}/endpoints/{{endpoint_id}}/disable",
    summary="Send nothing to an endpoint any more; what waits for it is dead, and can be sent again",
    scope="webhooks",
    request=wire_webhooks.DisableEndpoint,
    response=wire_webhooks.EndpointState,
)

ENABLE_ENDPOINT: Final = Operation(
    name="enable_endpoint",
    method="POST",
    path=f"{_WEBHOOKS}/endpoints/{{endpoint_id}}/enable",
    summary="Send to an endpoint again what comes about from now on",
    scope="webhooks",
    response=wire_webhooks.EndpointState,
)

# --- marketplaces -----------------------------------------------------------------------------------------

LIST_MARKETPLACES: Final = Operation(
    name="list_marketplaces",
    method="GET",
    path=_MARKETPLACES,
    summary="Marketplaces, and what they may do",
    scope="read",
    response=wire.MarketplacePage,
    queries=_PAGE,
)

ADD_MARKETPLACE: Final = Operation(
    name="add_marketplace",
    method="POST",
    path=_MARKETPLACES,
    summary="Add a marketplace; its secrets are in this answer and never shown again",
    scope="admin",
    request=wire.NewMarketplace,
    response=wire.MarketplaceAdded,
    success=(201,),
)

ROTATE_SECRET: Final = Operation(
    name="rotate_secret",
    method="POST",
    path=f"{_MARKETPLACES}/{{marketplace_id}}/rotate-secret",
    summary="Give a marketplace a new client secret; the old one stays good for a while",
    scope="admin",
    request=wire.RotateSecret,
    response=wire.SecretRotated,
)

REVOKE_TOKENS: Final = Operation(
    name="revoke_tokens",
    method="POST",
    path=f"{_MARKETPLACES}/{{marketplace_id}}/revoke-tokens",
    summary="End every access token of a marketplace at once",
    scope="admin",
    response=wire.TokensRevoked,
)

DISABLE_MARKETPLACE: Final = Operation(
    name="disable_marketplace",
    method="POST",
    path=f"{_MARKETPLACES}/{{marketplace_id}}/disable",
    summary="Refuse every call of a marketplace; its orders go on, and it still hears of them",
    scope="admin",
    response=wire.ClientState,
)

ENABLE_MARKETPLACE: Final = Operation(
    name="enable_marketplace",
    method="POST",
    path=f"{_MARKETPLACES}/{{marketplace_id}}/enable",
    summary="Let a marketplace in again",
    scope="admin",
    response=wire.ClientState,
)

SET_SCOPES: Final = Operation(
    name="set_scopes",
    method="POST",
    path=f"{_MARKETPLACES}/{{marketplace_id}}/scopes",
    summary="Set what a marketplace may do, with the tokens it has too",
    scope="admin",
    request=wire.Scopes,
    response=wire.ClientScopes,
)

# --- applications -----------------------------------------------------------------------------------------

LIST_APPLICATIONS: Final = applications.LIST_APPLICATIONS
ADD_APPLICATION: Final = applications.ADD_APPLICATION
ROTATE_APPLICATION_SECRET: Final = applications.ROTATE_APPLICATION_SECRET
REVOKE_APPLICATION_TOKENS: Final = applications.REVOKE_APPLICATION_TOKENS
DISABLE_APPLICATION: Final = applications.DISABLE_APPLICATION
ENABLE_APPLICATION: Final = applications.ENABLE_APPLICATION
SET_APPLICATION_SCOPES: Final = applications.SET_APPLICATION_SCOPES

READ_PROVIDER: Final = Operation(
    name="read_provider",
    method="GET",
    path=_PAYMENTS,
    summary="Who holds the guests' money",
    scope="read",
    response=wire.PaymentProvider,
    queries=(Query("organization_id", "Whose; not needed while there is only one", schema=_ID),),
)

SET_PROVIDER: Final = Operation(
    name="set_provider",
    method="POST",
    path=_PAYMENTS,
    summary="Set who holds the money of payments that begin from now on",
    scope="admin",
    request=wire.SetProvider,
    response=wire.PaymentProvider,
)

OPERATIONS: Final[tuple[Operation[Any], ...]] = (
    SEARCH, LIST_ORDERS, READ_ORDER, ACCEPT_ORDER, REJECT_ORDER, START_ORDER, MOVE_ETA, FINISH_ORDER, COMPLETE_ORDER,
    RESOLVE_ORDER, CANCEL_ORDER, RETRY_ORDER, TRY_ORDER,
    LIST_STORES, READ_STORE, PAUSE_STORE, RESUME_STORE, CONNECT_STORE, DISCONNECT_STORE, SET_RULES,
    LIST_MENUS, PUBLISH_MENU, UNPUBLISH_MENU, LIST_ITEMS_OFF, TAKE_ITEM_OFF, PUT_ITEM_BACK, LIST_HEALTH,
    SET_HOURS, SET_TAXES, LIST_POINTS, ADD_POINT, REMOVE_POINT,
    LIST_ENDPOINTS, ADD_ENDPOINT, ROTATE_ENDPOINT_SECRET, REMOVE_ENDPOINT, LIST_DELIVERIES, READ_EVENT,
    COUNT_REPLAY, REPLAY, RESEND_EVENT, DISABLE_ENDPOINT, ENABLE_ENDPOINT,
    LIST_MARKETPLACES, ADD_MARKETPLACE, ROTATE_SECRET, REVOKE_TOKENS, DISABLE_MARKETPLACE, ENABLE_MARKETPLACE,
    SET_SCOPES,
    LIST_APPLICATIONS, ADD_APPLICATION, ROTATE_APPLICATION_SECRET, REVOKE_APPLICATION_TOKENS, DISABLE_APPLICATION,
    ENABLE_APPLICATION, SET_APPLICATION_SCOPES,
    READ_PROVIDER, SET_PROVIDER,
)  # fmt: skip
