"""Webhook endpoints: how each does, what waits for it and what is dead; disabled, enabled, and everything dead sent
again, a batch at a time.
"""

from datetime import datetime
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.console.gate import Gate, Visit, back, show
from heard.console.house import House
from heard.domain.endpoints import DeliveryState
from heard.domain.ids import EndpointId
from heard.domain.people import Role
from heard.domain.refusals import Code, Refused
from heard.engine.webhook_endpoints import find_endpoint
from heard.protocols.admin import operations
from heard.protocols.admin.encode import time_text

_ALL = "/console/endpoints"
_EVER = f"{limits.YEAR_MIN}-01-01T00:00:00Z"
_SHOWN = 20


def routes(house: House, gate: Gate) -> list[Route]:
    """The pages and their forms."""

    async def endpoints(visit: Visit) -> Response:
        page = await house.office.call(
            visit.visitor, operations.LIST_ENDPOINTS, query=visit.one_page(limits.FAILURES_PAGE)
        )
        return show(visit, "endpoints.html", endpoints=page.endpoints, next=page.next)

    async def disable(visit: Visit) -> Response:
        body = {"reason": visit.form.get("reason", "").strip() or f"disabled by {visit.visitor.login}"}
        done = await house.office.call(
            visit.visitor, operations.DISABLE_ENDPOINT, body, endpoint_id=visit.path["endpoint_id"]
        )
        if not done.new:
            return back(visit, _ALL, "It was disabled already; nothing was done.", good=False)
        return back(visit, _ALL, "The endpoint is disabled. What waited for it is dead, and can be sent again.")

    async def enable(visit: Visit) -> Response:
        done = await house.office.call(visit.visitor, operations.ENABLE_ENDPOINT, endpoint_id=visit.path["endpoint_id"])
        if not done.new:
            return back(visit, _ALL, "It was enabled already.")
        to = f"{_ALL}/{done.endpoint_id}/resend"
        return back(visit, to, "The endpoint is enabled. Events that come about from now on go there.")

    async def preview(visit: Visit) -> Response:
        endpoint_id = EndpointId(visit.path["endpoint_id"])
        endpoint = await find_endpoint(house.hub, endpoint_id, visit.visitor.organization_id)
        until = time_text(await house.hub.now())
        count, some = 0, []
        if endpoint.disabled_at is None:
            span = {"endpoint_id": endpoint_id, "since": _EVER, "until": until}
            count = (await house.office.call(visit.visitor, operations.COUNT_REPLAY, query=span)).count
            wanted = {"endpoint_id": endpoint_id, "state": str(DeliveryState.DEAD), "limit": str(_SHOWN)}
            some = (await house.office.call(visit.visitor, operations.LIST_DELIVERIES, query=wanted)).deliveries
        return show(visit, "replay.html", endpoint=endpoint, count=count, some=some, until=until)

    async def replay(visit: Visit) -> Response:
        """So many batches; what is left, the page asks for by itself, or its reader does."""
        endpoint_id, done = visit.path["endpoint_id"], _number(visit.form.get("done", "0"))
        body: dict[str, Any] = {"endpoint_id": endpoint_id, "since": _EVER, "until": _time(visit.form.get("until"))}
        after = visit.form.get("after") or None
        for _ in range(limits.FIX_REPLAYS_MAX):
            asked = body | ({"after": after} if after else {})
            batch = await house.office.call(visit.visitor, operations.REPLAY, asked)
            done, after = done + batch.resent, batch.next
            if after is None:
                break
        values = {"endpoint_id": endpoint_id, "done": done, "after": after, "until": body["until"]}
        return show(visit, "replayed.html", **values)

    return [
        gate.page(_ALL, endpoints),
        gate.action(f"{_ALL}/{{endpoint_id}}/disable", disable, Role.DEVELOPER),
        gate.action(f"{_ALL}/{{endpoint_id}}/enable", enable, Role.DEVELOPER),
        gate.page(f"{_ALL}/{{endpoint_id}}/resend", preview, Role.DEVELOPER),
        gate.action(f"{_ALL}/{{endpoint_id}}/resend", replay, Role.DEVELOPER),
    ]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Refused(Code.MALFORMED_REQUEST, "This is no form of ours.")
    return int(text)


def _time(text: str | None) -> str:
    """Up to when a replay reaches: nobody sends again what they have not seen. Raises Refused(malformed_request)."""
    try:
        at = datetime.fromisoformat(text or "")
        if at.tzinfo is None:
            raise ValueError("without a zone it is no moment")
        return time_text(at)
    except (ValueError, OverflowError):
        raise Refused(Code.MALFORMED_REQUEST, "This is no form of ours.") from None
