"""Link's calls, written once: the routes and OpenAPI are made from this table."""

from dataclasses import dataclass
from typing import Final

from heard import limits
from heard.protocols import bodies
from heard.protocols.link import wire
from heard.protocols.openapi import Query, paging


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. `scope` None: it needs no token. `success` are the statuses of a good answer.

    `form`: its request is a form of these members, and its faults are told in RFC 6749's words.
    """

    name: str
    method: str
    path: str
    summary: str
    scope: str | None
    response: type | None
    request: type | None = None
    success: tuple[int, ...] = (200,)
    body_bytes_max: int = 0
    form: type | None = None
    queries: tuple[Query, ...] = ()
    refusals: tuple[int, ...] = ()


_TEXT: Final = {"type": "string"}
_ID: Final = {**_TEXT, "minLength": 1, "maxLength": limits.ID_MAX}

OPERATIONS: Final = (
    Operation(
        name="token",
        method="POST",
        path="/link/v2/oauth/token",
        summary="Get an access token for client credentials",
        scope=None,
        form=wire.TokenForm,
        response=wire.TokenAnswer,
        body_bytes_max=limits.TOKEN_FORM_BYTES_MAX,
    ),
    Operation(
        name="revoke_token",
        method="POST",
        path="/link/v2/oauth/revoke",
        summary="End an access token before its time; any other token is left as it is",
        scope=None,
        form=wire.RevokeForm,
        response=None,
        body_bytes_max=limits.TOKEN_FORM_BYTES_MAX,
    ),
    Operation(
        name="create_order",
        method="POST",
        path="/link/v2/orders",
        summary="Send a new order; the same one again is answered like the first time",
        scope="orders",
        request=wire.NewOrder,
        response=wire.OrderAccepted,
        success=(201, 200),
        body_bytes_max=limits.BODY_BYTES_MAX,
    ),
    Operation(
        name="find_orders",
        method="GET",
        path="/link/v2/orders",
        summary="Find an order by the marketplace's own number",
        scope="orders",
        response=wire.OrderList,
        queries=(Query("external_order_id", "The marketplace's own number of the order", True, _ID),),
    ),
    Operation(
        name="read_order",
        method="GET",
        path="/link/v2/orders/{order_id}",
        summary="Read an order",
        scope="orders",
        response=wire.OrderView,
    ),
    Operation(
        name="read_events",
        method="GET",
        path="/link/v2/events",
        summary="Read what came about, page by page; reading destroys nothing",
        scope="events",
        response=wire.EventPage,
        queries=paging(
            limits.FEED_PAGE_MAX, "The `next` of the page before; none: from the beginning", {"type": "string"}
        ),
    ),
    Operation(
        name="cancel_order",
        method="POST",
        path="/link/v2/orders/{order_id}/cancel",
        summary="Cancel an order that is not ready yet; 202 while its POS has still to say what became of it",
        scope="orders",
        request=wire.CancelOrder,
        response=wire.CancelAnswer,
        success=(200, 202),
        body_bytes_max=limits.SMALL_BODY_BYTES_MAX,
    ),
    Operation(
        name="list_stores",
        method="GET",
        path="/link/v2/stores",
        summary="List the stores that are connected, a page at a time",
        scope="stores",
        response=wire.StoreList,
        queries=paging(limits.PAGE_MAX, "The `next` of the page before", _ID),
    ),
    Operation(
        name="read_store",
        method="GET",
        path="/link/v2/stores/{venue_id}",
        summary="Read how a store is: open or paused, and which menu it has",
        scope="stores",
        response=wire.StoreView,
    ),
    Operation(
        name="pause_store",
        method="POST",
        path="/link/v2/stores/{venue_id}/pause",
        summary="Keep a store from taking orders; again: in place of one's own pause before",
        scope="stores",
        request=bodies.PauseRequest,
        response=wire.StoreView,
        body_bytes_max=limits.SMALL_BODY_BYTES_MAX,
    ),
    Operation(
        name="resume_store",
        method="POST",
        path="/link/v2/stores/{venue_id}/resume",
        summary="Lift one's own pause",
        scope="stores",
        response=wire.StoreView,
        body_bytes_max=limits.SMALL_BODY_BYTES_MAX,
    ),
    Operation(
        name="read_menu",
        method="GET",
        path="/link/v2/stores/{venue_id}/menu",
        summary="Get a store's menu; 304 for those who have it already",
        scope="menus",
        response=wire.MenuDocument,
        success=(200, 304),
        refusals=(422,),
    ),
)
