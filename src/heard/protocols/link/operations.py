"""Link's calls, written once: the routes and OpenAPI are made from this table."""

from dataclasses import dataclass
from typing import Final

from heard import limits
from heard.protocols.link import wire
from heard.protocols.openapi import Query


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
    request: type | None
    response: type | None
    success: tuple[int, ...]
    body_bytes_max: int = 0
    form: type | None = None
    queries: tuple[Query, ...] = ()


_ID: Final = {"minLength": 1, "maxLength": limits.ID_MAX}

OPERATIONS: Final = (
    Operation(
        name="token",
        method="POST",
        path="/link/v2/oauth/token",
        summary="Get an access token for client credentials",
        scope=None,
        request=None,
        form=wire.TokenForm,
        response=wire.TokenAnswer,
        success=(200,),
        body_bytes_max=limits.TOKEN_FORM_BYTES_MAX,
    ),
    Operation(
        name="revoke_token",
        method="POST",
        path="/link/v2/oauth/revoke",
        summary="End an access token before its time; any other token is left as it is",
        scope=None,
        request=None,
        form=wire.RevokeForm,
        response=None,
        success=(200,),
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
        request=None,
        response=wire.OrderList,
        success=(200,),
        queries=(
            Query("external_order_id", "The marketplace's own number of the order", True, {"type": "string", **_ID}),
        ),
    ),
    Operation(
        name="read_order",
        method="GET",
        path="/link/v2/orders/{order_id}",
        summary="Read an order",
        scope="orders",
        request=None,
        response=wire.OrderView,
        success=(200,),
    ),
)
