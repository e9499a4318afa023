"""The admin API's handlers for webhooks: where they go, what became of them, and sending them again."""

from starlette.responses import Response

from heard.domain.ids import EndpointId, EventId
from heard.engine import oversee, webhook_endpoints
from heard.engine.hub import Hub
from heard.engine.resend_events import resend_event
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, encode, wire
from heard.storage.deliveries import DeliveryState


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler by the name of its operation."""

    async def endpoints(asked: Asked) -> Response:
        count = decode.page_size(asked.query)
        rows = await oversee.endpoints_page(hub, asked.organization_id, count, asked.query.get("after", ""))
        last = rows[-1]["endpoint_id"] if len(rows) == count else None
        return answer(wire.EndpointPage(endpoints=[encode.endpoint_view(row) for row in rows], next=last))

    async def deliveries(asked: Asked) -> Response:
        query, count = asked.query, decode.page_size(asked.query)
        state = decode.optional_word(query, "state", DeliveryState)
        only = EndpointId(query["endpoint_id"]) if "endpoint_id" in query else None
        place = decode.delivery_place(query)
        rows = await oversee.deliveries_page(hub, asked.organization_id, state, only, count, place)
        last = f"{rows[-1]['event_id']}/{rows[-1]['endpoint_id']}" if len(rows) == count else None
        return answer(wire.DeliveryPage(deliveries=[encode.delivery_view(row) for row in rows], next=last))

    async def resend(asked: Asked) -> Response:
        told = await oversee.event_of(hub, asked.organization_id, EventId(asked.path["event_id"]))
        return answer(wire.EventResent(event_id=told.event_id, resent=await resend_event(hub, told.event_id)))

    async def disable(asked: Asked) -> Response:
        found = await oversee.endpoint_of(hub, asked.organization_id, _named(asked))
        whose, reason = found.organization_id, asked.body.reason
        new = await webhook_endpoints.disable_endpoint(hub, whose, found.endpoint_id, reason)
        return answer(wire.EndpointState(endpoint_id=found.endpoint_id, enabled=False, new=new))

    async def enable(asked: Asked) -> Response:
        found = await oversee.endpoint_of(hub, asked.organization_id, _named(asked))
        was = await webhook_endpoints.enable_endpoint(hub, found.endpoint_id)
        return answer(wire.EndpointState(endpoint_id=found.endpoint_id, enabled=True, new=was.disabled_at is not None))

    return {
        "list_endpoints": endpoints,
        "list_deliveries": deliveries,
        "resend_event": resend,
        "disable_endpoint": disable,
        "enable_endpoint": enable,
    }


def _named(asked: Asked) -> EndpointId:
    return EndpointId(asked.path["endpoint_id"])
