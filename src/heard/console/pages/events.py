"""One event: what it says, where it goes, every attempt to bring it there, and sending it again."""

import json

from starlette.responses import Response
from starlette.routing import Route

from heard.console.gate import Gate, Visit, back, show
from heard.console.house import House
from heard.console.masks import masked
from heard.domain.people import Role
from heard.domain.refusals import Code, Refused
from heard.protocols.admin import operations


def routes(house: House, gate: Gate) -> list[Route]:
    """The page, and the form that sends the event again."""

    async def event(visit: Visit) -> Response:
        found = await house.office.call(visit.visitor, operations.READ_EVENT, event_id=visit.path["event_id"])
        body = json.dumps(masked(found.event.body), indent=2, ensure_ascii=False)
        return show(visit, "event.html", event=found.event, ways=found.deliveries, attempts=found.attempts, body=body)

    async def resend(visit: Visit) -> Response:
        event_id = visit.path["event_id"]
        asked = {name: visit.form[name] for name in ("endpoint_id", "state") if visit.form.get(name)}
        page = f"/console/failures/events/{event_id}"
        try:
            made = await house.office.call(visit.visitor, operations.RESEND_EVENT, asked, event_id=event_id)
        except Refused as refused:
            if refused.code is not Code.ORDER_CONFLICT:
                raise
            return back(visit, page, f"Nothing was done. {refused.detail}", good=False)
        if not made.resent:
            return back(
                visit, page, "Nothing was done: it is under way just now, or no endpoint is enabled.", good=False
            )
        endpoints = "endpoint" if made.resent == 1 else "endpoints"
        return back(visit, page, f"It goes out again to {made.resent} {endpoints}.")

    return [
        gate.page("/console/failures/events/{event_id}", event),
        gate.action("/console/failures/events/{event_id}/resend", resend, Role.DEVELOPER),
    ]
