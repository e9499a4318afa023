"""One order: what was ordered, whether its money adds up, everything that happened, what may be done about it."""

import hashlib
from collections.abc import Iterator
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from heard.console.acting import DONE, FORMS, MINUTES_MAX, PRIMARY, REASONS, curl, form_of
from heard.console.cards import STATES, called_for, short_number, task_words
from heard.console.causes import told_of
from heard.console.gate import HEADERS, Gate, Handler, Visit, back, show
from heard.console.house import House
from heard.console.money_proof import money_proof
from heard.console.rendering import render
from heard.console.timeline import last_words, spelled_s, timeline, was_taken_back
from heard.domain.order.by_hand import Action
from heard.domain.order.model import Status
from heard.domain.order.plan import Task
from heard.domain.people import Role
from heard.domain.refusals import Code, Refused
from heard.protocols import masking
from heard.protocols.admin import operations, wire, wire_orders

_LIVE = ("_order_state.html", "_order_events.html", "_order_timeline.html")


def routes(house: House, gate: Gate) -> list[Route]:
    """The page, what of it keeps itself up to date, and what its forms do."""

    async def read(visit: Visit) -> wire_orders.OrderDetail:
        return await house.office.call(visit.visitor, operations.READ_ORDER, order_id=visit.path["order_id"])

    async def page(visit: Visit) -> Response:
        found = await read(visit)
        order, base, shown = found.order, _base(house, visit), visit.visitor.may("orders")
        forms = [form_of(Action(one), order.attention) for one in found.allowed]
        values = _live_values(found, order.version, has_forms=bool(forms))
        return show(
            visit,
            "order.html",
            **values,
            digest=_digest(values, visit),
            oob=False,
            number=short_number(order.external_order_id),
            proof=money_proof(found),
            guest=_guest(found.ordered.guest, shown=shown),
            wish=str if shown else _wish,
            forms=forms,
            primary=next((one for one in PRIMARY if one in found.allowed), None),
            reasons=REASONS,
            minutes_max=MINUTES_MAX,
            base=base,
            read_curl=curl("GET", base + operations.READ_ORDER.path.format(order_id=order.order_id)),
            ids=list(_ids(found)),
        )

    async def live(visit: Visit) -> Response:
        """What changed since the page was loaded, or since it was asked last; 204 when nothing did."""
        found = await read(visit)
        text = visit.query.get("version", "")
        version = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        values = _live_values(found, version, has_forms=visit.query.get("forms") == "1")
        digest = _digest(values, visit)
        if visit.query.get("seen") == digest:
            return Response(status_code=204, headers=HEADERS)
        text = render("_order_live.html", **values, **_who(visit), digest=digest, oob=True)
        return HTMLResponse(text, 200, HEADERS)

    async def act(visit: Visit) -> Response:
        """An action of staff. One on an order that has changed since it was seen changes nothing."""
        order_id, action = visit.path["order_id"], visit.path["action"]
        if action not in {str(one) for one in FORMS}:
            raise Refused(Code.NOT_FOUND, "There is no such action.")
        form = FORMS[Action(action)]
        body, query = form.body(visit.form)
        try:
            done: Any = await house.office.call(visit.visitor, form.operation, body, query=query, order_id=order_id)
        except Refused as refused:
            if refused.code == Code.ORDER_CONFLICT:
                raise Refused(refused.code, f"Nothing was done, somebody was quicker: {refused.detail}") from None
            raise
        waits = isinstance(done, wire.OrderCancelled) and done.cancelling
        said = "It is being cancelled: the POS has still to answer." if waits else DONE[form.action]
        return back(visit, f"/console/orders/{order_id}", said)

    here = "/console/orders/{order_id}"
    return [
        gate.page(here, page),
        gate.page(f"{here}/live", live),
        gate.action(f"{here}/resend", _resending(house), Role.DEVELOPER),
        gate.action(f"{here}/{{action}}", act, Role.OPERATOR),
    ]


def _resending(house: House) -> Handler:
    async def resend(visit: Visit) -> Response:
        """An event of the order goes out again, to one endpoint or to all."""
        order_id = visit.path["order_id"]
        endpoint_id = visit.form.get("endpoint_id")
        event_id = visit.form.get("event_id", "")
        body = {"endpoint_id": endpoint_id} if endpoint_id else {}
        sent = await house.office.call(visit.visitor, operations.RESEND_EVENT, body, event_id=event_id)
        said = "It goes out again." if sent.resent else "Nothing was sent: it is under way, or no endpoint is enabled."
        return back(visit, f"/console/orders/{order_id}", said, good=bool(sent.resent))

    return resend


def masked(text: str | None) -> str | None:
    """The end of what is a guest's own, as much as tells two guests apart.

    >>> masked("+15550100"), masked("Ada"), masked(None)
    ('•••00', '•••a', None)
    """
    return None if text is None else f"•••{text[-2:] if len(text) > 4 else text[-1:]}"


def _guest(guest: wire.Guest, *, shown: bool) -> list[tuple[str, str]]:
    said = (("Name", guest.name), ("Phone", guest.phone), ("Email", guest.email))
    return [(name, text if shown else masked(text) or "") for name, text in said if text]


def _wish(text: str) -> str:
    """What a guest wrote, as a viewer reads it: the wish stays, what looks like a number or an address does not."""
    return masking.masked(text.encode())


def _live_values(found: wire_orders.OrderDetail, version: int, *, has_forms: bool) -> dict[str, Any]:
    """What the parts need that keep themselves up to date; `version` is what the page was made for, and its forms if it
    has any.
    """
    entries, left_out = timeline(found)
    attention = called_for(found.order)
    return {
        "found": found,
        "order": found.order,
        "entries": entries,
        "left_out": left_out,
        "loaded": version,
        "shape": STATES[Status(found.order.status)],
        "said": last_words(found),
        "matter": told_of(attention) if attention else None,
        "taken_back": was_taken_back(found),
        "has_forms": has_forms,
        "planned": [(due.at, task_words(Task(due.task))) for due in sorted(found.planned, key=lambda one: one.at)],
        "spelled_s": spelled_s,
    }


def _who(visit: Visit) -> dict[str, Any]:
    """What a part needs of the reader, as a whole page has it."""
    return {"may": visit.visitor.may, "form_key": visit.visitor.form_key}


def _digest(values: dict[str, Any], visit: Visit) -> str:
    """Of what these parts show, so that nothing is drawn again that did not change."""
    text = "".join(render(name, **values, **_who(visit), oob=False) for name in _LIVE)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _base(house: House, visit: Visit) -> str:
    return (house.hub.public_url or str(visit.request.base_url)).rstrip("/")


def _ids(found: wire_orders.OrderDetail) -> Iterator[tuple[str, str]]:
    """All ids of all parties, each with whose it is."""
    order, parties = found.order, found.parties
    yield "Order", order.order_id
    yield f"The {parties.channel_kind}'s number", order.external_order_id
    if parties.uuid:
        yield "In the Ordering API", parties.uuid
    if order.pos_order_id:
        yield "The POS's number", order.pos_order_id
    yield "Submit at the POS", parties.submit_uid
    yield "Validate at the POS", parties.validate_uid
    if parties.payment_id:
        yield "Payment", parties.payment_id
    if order.payment_ref:
        yield "The provider's number", order.payment_ref
    yield "Store", order.venue_id
    yield "The POS's location", parties.location_id
    yield parties.channel_kind.capitalize(), order.marketplace_id
    yield "Organization", order.organization_id
    for endpoint_id in sorted({way.endpoint_id for event in found.events for way in event.deliveries}):
        yield "Endpoint", endpoint_id
    for event in found.events:
        yield f"Event {event.type}", event.event_id
