"""A recorded order, edited and sent to a store that is for trying out; what is wrong with it is told by its path."""

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.console.cards import short_number
from heard.console.gate import Gate, Visit, back, show
from heard.console.house import House
from heard.domain.ids import OrderId
from heard.domain.people import Role
from heard.domain.refusals import Code, FieldError, Refused
from heard.engine.try_order import Recorded, recorded_order, sandboxes
from heard.net.problems import problem
from heard.protocols.admin import operations
from heard.protocols.strict_json import invalid_body, parse
from heard.storage.connections import Sandbox


def routes(house: House, gate: Gate) -> list[Route]:
    """The page, and its form. A body that is refused stays as it was typed."""

    async def read(visit: Visit) -> tuple[Recorded, list[Sandbox]]:
        recorded = await recorded_order(house.hub, visit.visitor.organization_id, OrderId(visit.path["order_id"]))
        return recorded, await sandboxes(house.hub, recorded.order.organization_id)

    async def page(visit: Visit) -> Response:
        recorded, places = await read(visit)
        return _shown(visit, recorded, places, recorded.text)

    async def send(visit: Visit) -> Response:
        recorded, places = await read(visit)
        text = visit.form.get("body", "")
        venue_id, _, marketplace_id = visit.form.get("place", "").partition("/")
        try:
            asked = {"marketplace": marketplace_id, "body": _typed(text)}
            order = await house.office.call(visit.visitor, operations.TRY_ORDER, asked, venue_id=venue_id)
        except Refused as refused:
            if refused.code is Code.INSUFFICIENT_SCOPE:
                raise
            return _shown(visit, recorded, places, text, refused)
        said = f"{order.external_order_id} is at the sandbox; this is what becomes of it."
        return back(visit, f"/console/orders/{order.order_id}", said)

    here = "/console/orders/{order_id}/try"
    return [
        gate.page(here, page, Role.DEVELOPER),
        gate.action(here, send, Role.DEVELOPER, limits.TRY_FORM_BYTES_MAX),
    ]


def _typed(text: str) -> msgspec.Raw:
    """What was typed, as it stands. Raises Refused(malformed_json | invalid_body)."""
    raw = text.encode()
    if not isinstance(parse(raw), dict):
        raise invalid_body(FieldError("$", "invalid", "an order is a JSON object"))
    return msgspec.Raw(raw)


def _shown(
    visit: Visit, recorded: Recorded, places: list[Sandbox], text: str | None, refused: Refused | None = None
) -> Response:
    order = recorded.order
    usual = next((one for one in places if one.marketplace_id == order.marketplace_id), places[0] if places else None)
    chosen = "" if usual is None else f"{usual.venue_id}/{usual.marketplace_id}"
    return show(
        visit,
        "order_try.html",
        200 if refused is None else problem(refused, "")[0],
        order=order,
        number=short_number(order.external_order_id),
        places=places,
        chosen=visit.form.get("place", chosen),
        text=text,
        why_not=recorded.why_not,
        refused=refused,
        detail=_detail(refused),
    )


def _detail(refused: Refused | None) -> str | None:
    """What a refusal says beyond its places."""
    if refused is None:
        return None
    first = "".join(f"{one.path}: {one.message}" for one in refused.errors[:1])
    return None if refused.detail == first else refused.detail
