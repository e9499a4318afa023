"""The Ordering API's calls, written once: the routes and OpenAPI are made from this table.

Every call names its application in the header Application.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from heard import limits
from heard.protocols.openapi import Query, paging
from heard.protocols.ordering import wire, wire_answers
from heard.protocols.ordering.auth import ORDER, WEBHOOKS


class Token(StrEnum):
    """Whether a call takes an access token. One that is sent must be good, whatever it is needed for."""

    NONE = "none"  # whoever asks for one has none yet
    TAKEN = "taken"  # more may be asked for, or is answered, with one
    NEEDED = "needed"


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. `scope`: what its token must be good for, where it needs one; where it only takes one, what a token
    with that scope lets a caller do beyond. `form`: its request is a form of these members, or the same in JSON.
    """

    name: str
    method: str
    path: str
    summary: str
    token: Token
    response: type
    scope: str | None = None
    request: type | None = None
    form: type | None = None
    success: tuple[int, ...] = (200,)
    body_bytes_max: int = 0
    queries: tuple[Query, ...] = ()
    refusals: tuple[int, ...] = ()


_UUID: Final = {"type": "string", "minLength": 36, "maxLength": 36}
_VIEW: Final = Query("view", "All that belongs to it, too", schema={"type": "string", "enum": ["withNestedEntities"]})

OPERATIONS: Final = (
    Operation(
        name="create_token",
        method="POST",
        path="/api/oauth/tokens",
        summary="Get an access token for client credentials",
        token=Token.NONE,
        form=wire.TokenForm,
        response=wire_answers.TokenAnswer,
        body_bytes_max=limits.TOKEN_FORM_BYTES_MAX,
    ),
    Operation(
        name="calculate_order",
        method="POST",
        path="/api/orders/calculate",
        summary="Price a cart; an external discount needs a token. Nothing is kept of it",
        token=Token.TAKEN,
        scope=ORDER,
        request=wire.Calculate,
        response=wire_answers.CalculationAnswer,
        body_bytes_max=limits.BODY_BYTES_MAX,
        refusals=(404, 409, 422, 503),
    ),
    Operation(
        name="initialize_payment",
        method="POST",
        path="/api/payments/initialize",
        summary="Begin a payment of an amount at a singular point; its hash is good for one order, and not for long",
        token=Token.TAKEN,
        request=wire.InitializePayment,
        response=wire_answers.PaymentAnswer,
        success=(201,),
        body_bytes_max=limits.SMALL_BODY_BYTES_MAX,
        refusals=(404, 422),
    ),
    Operation(
        name="create_order",
        method="POST",
        path="/api/orders",
        summary="Place an order that a payment was begun for; the same again is the same order",
        token=Token.TAKEN,
        scope=ORDER,
        request=wire.NewOrder,
        response=wire_answers.OrderAnswer,
        success=(201, 200),
        body_bytes_max=limits.BODY_BYTES_MAX,
        refusals=(402, 404, 409, 422, 503),
    ),
    Operation(
        name="read_order",
        method="GET",
        path="/api/orders/{order_id}",
        summary="Read an order; who ordered it is told with a token only",
        token=Token.TAKEN,
        scope=ORDER,
        response=wire_answers.OrderAnswer,
        refusals=(404,),
    ),
    Operation(
        name="read_venue",
        method="GET",
        path="/api/venues/{venue_id}",
        summary="Read a venue: how it is now, and where orders can be placed to",
        token=Token.TAKEN,
        response=wire_answers.VenueAnswer,
        queries=(_VIEW,),
    ),
    Operation(
        name="read_menus",
        method="GET",
        path="/api/venues/{venue_id}/menus",
        summary="Get a venue's menus; 304 for those who have them already",
        token=Token.TAKEN,
        response=wire_answers.MenusAnswer,
        success=(200, 304),
        queries=(_VIEW,),
    ),
    Operation(
        name="read_categories",
        method="GET",
        path="/api/venues/{venue_id}/menus/{menu_id}/categories",
        summary="Get what one of a venue's menus has, category by category; 304 for those who have it already",
        token=Token.TAKEN,
        response=wire_answers.CategoriesAnswer,
        success=(200, 304),
        refusals=(422,),
    ),
    Operation(
        name="create_webhook",
        method="POST",
        path="/api/webhooks",
        summary="Be told at an address what becomes of orders; its secret is in this answer and never shown again",
        token=Token.NEEDED,
        scope=WEBHOOKS,
        request=wire.NewWebhook,
        response=wire_answers.WebhookMadeAnswer,
        success=(201,),
        body_bytes_max=limits.SMALL_BODY_BYTES_MAX,
    ),
    Operation(
        name="list_webhooks",
        method="GET",
        path="/api/webhooks",
        summary="List where the application is told, a page at a time",
        token=Token.NEEDED,
        scope=WEBHOOKS,
        response=wire_answers.WebhooksAnswer,
        queries=paging(limits.PAGE_MAX, "The `next` of the page before", _UUID),
    ),
    Operation(
        name="delete_webhook",
        method="DELETE",
        path="/api/webhooks/{webhook_id}",
        summary="Be told there no more; what waits for it is not sent",
        token=Token.NEEDED,
        scope=WEBHOOKS,
        response=wire_answers.WebhookGoneAnswer,
    ),
)
