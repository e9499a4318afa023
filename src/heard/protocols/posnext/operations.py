"""The calls of posnext, written once: routes and OpenAPI are made from this table. Source: wire.md 1."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from heard.protocols.posnext import wire


class Host(StrEnum):
    """Who answers a call."""

    POS = "pos"
    HUB = "hub"


class Signed(StrEnum):
    """What carries x-pch-digest besides the token."""

    NOTHING = "nothing"
    REQUEST = "request"
    RESPONSE = "response"
    BOTH = "both"
    RESPONSE_IN_BODY_SCHEME = "response_in_body_scheme"


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. `aliases` are other paths of the same handler; `success` are the statuses of a good answer."""

    name: str
    host: Host
    method: str
    path: str
    summary: str
    request: type | None
    response: type | None
    success: tuple[int, ...]
    signed: Signed
    aliases: tuple[str, ...] = ()


VALIDATE: Final = Operation(
    name="validate",
    host=Host.POS,
    method="POST",
    path="/posnext/order/validate",
    aliases=("/posnext/orders/validate",),
    summary="Check availability, prices and whether the location takes orders; commit nothing",
    request=wire.OrderRequest,
    response=wire.OrderAnswer,
    success=(200, 202),
    signed=Signed.BOTH,
)
SUBMIT: Final = Operation(
    name="submit",
    host=Host.POS,
    method="POST",
    path="/posnext/order/submit",
    aliases=("/posnext/orders/submit",),
    summary="Create the order in the POS",
    request=wire.OrderRequest,
    response=wire.OrderAnswer,
    success=(200, 202),
    signed=Signed.BOTH,
)
STATUS: Final = Operation(
    name="status",
    host=Host.POS,
    method="GET",
    path="/posnext/orders/{order_id}",
    summary="Current status of an order, by the submit's request_uid or the POS order id",
    request=None,
    response=wire.OrderAnswer,
    success=(200,),
    signed=Signed.RESPONSE,
)
CANCEL: Final = Operation(  # Our reading: the documentation has the status `cancelled` and no call that asks for it
    name="cancel",
    host=Host.POS,
    method="POST",
    path="/posnext/orders/{order_id}/cancel",
    summary="Take a placed order back, by the submit's request_uid or the POS order id",
    request=wire.CancelRequest,
    response=wire.OrderAnswer,
    success=(200, 202),
    signed=Signed.BOTH,
)
MENUS: Final = Operation(
    name="menus",
    host=Host.POS,
    method="POST",
    path="/posnext/menus",
    summary="The menus of a location",
    request=wire.MenuRequest,
    response=wire.MenuDocument,
    success=(200, 304),
    signed=Signed.RESPONSE_IN_BODY_SCHEME,
)
CALLBACK: Final = Operation(
    name="callback",
    host=Host.HUB,
    method="POST",
    path="/posnext/callbacks/{venue_id}",  # Our reading: callback_url is the hub's to choose
    summary="The POS tells the hub how an order stands",
    request=wire.OrderAnswer,
    response=None,
    success=(204,),
    signed=Signed.REQUEST,
)

OPERATIONS: Final = (VALIDATE, SUBMIT, STATUS, CANCEL, MENUS, CALLBACK)
