"""The admin API's calls about orders, and the search for whatever has an id. Part of operations.py, by topic."""

from typing import Final

from heard import limits
from heard.domain.order.model import Status
from heard.protocols.admin import wire, wire_orders
from heard.protocols.admin.operation import ID as _ID
from heard.protocols.admin.operation import PAGE as _PAGE
from heard.protocols.admin.operation import STORES as _STORES
from heard.protocols.admin.operation import Operation
from heard.protocols.openapi import Query

_ORDERS: Final = "/admin/v1/orders"
_SEEN: Final = Query("version", "Only if the order has not changed since", schema={"type": "integer", "minimum": 1})

SEARCH: Final = Operation(
    name="search",
    method="GET",
    path="/admin/v1/search",
    summary="Whatever has an id: ours, a channel's or a POS's; or a store or a channel by its name",
    scope="read",
    response=wire_orders.SearchResult,
    queries=(
        Query(
            "q",
            "The id, the number or the name",
            required=True,
            schema={"type": "string", "minLength": 1, "maxLength": limits.SEARCH_TEXT_MAX},
        ),
    ),
)

LIST_ORDERS: Final = Operation(
    name="list_orders",
    method="GET",
    path=_ORDERS,
    summary="Orders, the newest first",
    scope="read",
    response=wire.OrderPage,
    queries=(
        Query("status", "Only orders that stand there", schema={"type": "string", "enum": [*Status]}),
        Query("open", "Only orders that are not accepted or ended yet", schema={"type": "boolean"}),
        Query("attention", "Only orders that a person should look at", schema={"type": "boolean"}),
        Query("venue_id", "Only orders of this store", schema=_ID),
        Query("marketplace_id", "Only orders of this marketplace", schema=_ID),
        Query("external_order_id", "Only orders with this number of a marketplace's own", schema=_ID),
        *_PAGE,
    ),
)

READ_ORDER: Final = Operation(
    name="read_order",
    method="GET",
    path=f"{_ORDERS}/{{order_id}}",
    summary="An order: what was ordered, every step it took, every call that was made about it",
    scope="read",
    response=wire_orders.OrderDetail,
)

ACCEPT_ORDER: Final = Operation(
    name="accept_order",
    method="POST",
    path=f"{_ORDERS}/{{order_id}}/accept",
    summary="Take an order by hand; its marketplace is told when it will be ready",
    scope="orders",
    request=wire.AcceptOrder,
    response=wire.OrderView,
)

REJECT_ORDER: Final = Operation(
    name="reject_order",
    method="POST",
    path=f"{_ORDERS}/{{order_id}}/reject",
    summary="Do not take an order; its marketplace is told why",
    scope="orders",
    request=wire.RejectOrder,
    response=wire.OrderView,
)

START_ORDER: Final = Operation(
    name="start_order",
    method="POST",
    path=f"{_ORDERS}/{{order_id}}/start",
    summary="Say that the kitchen has begun",
    scope="orders",
    response=wire.OrderView,
    queries=(_SEEN,),
)

MOVE_ETA: Final = Operation(
    name="move_eta",
    method="POST",
    path=f"{_ORDERS}/{{order_id}}/eta",
    summary="Say when an order will be ready",
    scope="orders",
    request=wire.MoveEta,
    response=wire.OrderView,
)

FINISH_ORDER: Final = Operation(
    name="finish_order",
    method="POST",
    path=f"{_ORDERS}/{{order_id}}/ready",
    summary="Say that an order is ready for the guest",
    scope="orders",
    response=wire.OrderView,
    queries=(_SEEN,),
)

COMPLETE_ORDER: Final = Operation(
    name="complete_order",
    method="POST",
    path=f"{_ORDERS}/{{order_id}}/complete",
    summary="Say that an order was handed over",
    scope="orders",
    response=wire.OrderView,
    queries=(_SEEN,),
)

RESOLVE_ORDER: Final = Operation(
    name="resolve_order",
    method="POST",
    path=f"{_ORDERS}/{{order_id}}/resolve",
    summary="Say how that was seen to what staff were called for",
    scope="orders",
    request=wire.ResolveAttention,
    response=wire.OrderView,
)

CANCEL_ORDER: Final = Operation(
    name="cancel_order",
    method="POST",
    path=f"{_ORDERS}/{{order_id}}/cancel",
    summary="Cancel an order for the store; 202 while the POS has still to say what became of its ticket",
    scope="orders",
    request=wire.CancelOrder,
    response=wire.OrderCancelled,
    success=(200, 202),
)

RETRY_ORDER: Final = Operation(
    name="retry_order",
    method="POST",
    path=f"{_ORDERS}/{{order_id}}/retry",
    summary="Work on a parked order again, or ask the POS once more to take a ticket back",
    scope="orders",
    response=wire.OrderView,
    queries=(_SEEN,),
)

TRY_ORDER: Final = Operation(
    name="try_order",
    method="POST",
    path=f"{_STORES}/{{venue_id}}/tries",
    summary="Try an edited order out at a sandbox store, as a marketplace that may send it; 200: it had come before",
    scope="webhooks",
    request=wire_orders.TryOrder,
    response=wire.OrderView,
    success=(200, 201),
)
