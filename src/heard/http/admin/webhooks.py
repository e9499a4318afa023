"""The admin API's handlers for webhooks: where they go, what became of them, and sending them again."""

from datetime import datetime

from starlette.responses import Response

from heard.domain.endpoints import DeliveryState
from heard.domain.ids import EndpointId, EventId
from heard.engine import oversee, webhook_endpoints
from heard.engine.hub import Hub
from heard.engine.resend_events import Replay, count_replay, resend_batch, resend_event
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, encode, wire_webhooks


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler by the name of its operation."""
    return {**_endpoints(hub), **_turning(hub), **_events(hub), **_replays(hub)}


def _endpoints(hub: Hub) -> dict[str, AdminHandler]:
    async def list_(asked: Asked) -> Response:
        query, count = asked.query, decode.page_size(asked.query)
        whose = asked.organization_id
        rows = await oversee.endpoints_page(hub, whose, query.get("marketplace"), count, query.get("after", ""))
        last = rows[-1]["endpoint_id"] if len(rows) == count else None
        return answer(wire_webhooks.EndpointPage(endpoints=[encode.endpoint_view(row) for row in rows], next=last))

    async def add(asked: Asked) -> Response:
        url = decode.decode_web_address(asked.body.url, "$.url")
        marketplace = await oversee.marketplace_of(hub, asked.organization_id, asked.body.marketplace)
        made = await webhook_endpoints.add_endpoint(hub, marketplace, url)
        body = wire_webhooks.EndpointAdded(
            endpoint_id=made.endpoint_id,
            marketplace_id=marketplace.marketplace_id,
            marketplace=marketplace.name,
            url=url,
            webhook_secret=made.secret,
        )
        return answer(body, 201, secret=True)

    async def rotate(asked: Asked) -> Response:
        keep_old_s, whose = asked.body.keep_old_hours * 3600.0, asked.organization_id
        made = await webhook_endpoints.rotate_secret(hub, _named(asked), keep_old_s, whose)
        body = wire_webhooks.EndpointSecret(
            endpoint_id=made.endpoint_id, webhook_secret=made.secret, old_secret_until=_text(made.old_until)
        )
        return answer(body, secret=True)

    async def remove(asked: Asked) -> Response:
        gone = await webhook_endpoints.remove_endpoint(hub, _named(asked), asked.organization_id)
        return answer(wire_webhooks.EndpointRemoved(endpoint_id=gone.endpoint_id, url=gone.url))

    return {"list_endpoints": list_, "add_endpoint": add, "rotate_endpoint_secret": rotate, "remove_endpoint": remove}


def _turning(hub: Hub) -> dict[str, AdminHandler]:
    async def disable(asked: Asked) -> Response:
        found = await webhook_endpoints.find_endpoint(hub, _named(asked), asked.organization_id)
        whose, reason = found.organization_id, asked.body.reason
        new = await webhook_endpoints.disable_endpoint(hub, whose, found.endpoint_id, reason)
        return answer(wire_webhooks.EndpointState(endpoint_id=found.endpoint_id, enabled=False, new=new))

    async def enable(asked: Asked) -> Response:
        was = await webhook_endpoints.enable_endpoint(hub, _named(asked), asked.organization_id)
        body = wire_webhooks.EndpointState(
            endpoint_id=was.endpoint_id,
            enabled=True,
            new=was.disabled_at is not None,
            trouble_since=_text(was.trouble_since),
        )
        return answer(body)

    return {"disable_endpoint": disable, "enable_endpoint": enable}


def _events(hub: Hub) -> dict[str, AdminHandler]:
    async def deliveries(asked: Asked) -> Response:
        query, count = asked.query, decode.page_size(asked.query)
        state = decode.optional_word(query, "state", DeliveryState)
        only = EndpointId(query["endpoint_id"]) if "endpoint_id" in query else None
        place = decode.delivery_place(query)
        rows = await oversee.deliveries_page(hub, asked.organization_id, state, only, count, place)
        last = f"{rows[-1]['event_id']}/{rows[-1]['endpoint_id']}" if len(rows) == count else None
        return answer(wire_webhooks.DeliveryPage(deliveries=[encode.delivery_view(row) for row in rows], next=last))

    async def read(asked: Asked) -> Response:
        event_id = EventId(asked.path["event_id"])
        return answer(encode.event_detail(*await oversee.whole_event(hub, asked.organization_id, event_id)))

    async def resend(asked: Asked) -> Response:
        event_id = EventId(asked.path["event_id"])
        only = EndpointId(asked.body.endpoint_id) if asked.body.endpoint_id is not None else None
        seen = decode.seen_state(asked.body)
        count = await resend_event(hub, event_id, only, asked.organization_id, seen)
        return answer(wire_webhooks.EventResent(event_id=event_id, resent=count))

    return {"list_deliveries": deliveries, "read_event": read, "resend_event": resend}


def _replays(hub: Hub) -> dict[str, AdminHandler]:
    async def count(asked: Asked) -> Response:
        counts: dict[str, int] = {}
        for one in await chosen(asked, decode.replay_asked(asked.query), ""):
            counts.update((await count_replay(hub, one)).items())
        return answer(wire_webhooks.ReplayCount(count=sum(counts.values()), endpoints=counts))

    async def replay(asked: Asked) -> Response:
        batch = await resend_batch(hub, await chosen(asked, asked.body, "$."))
        return answer(wire_webhooks.Replayed(resent=batch.count, next=batch.last if batch.more else None))

    async def chosen(asked: Asked, body: wire_webhooks.Replay, at: str) -> list[Replay]:
        span = decode.decode_replay(body, at)
        only = EndpointId(body.endpoint_id) if body.endpoint_id is not None else None
        return await oversee.replays_for(
            hub,
            asked.organization_id,
            only,
            body.marketplace,
            span.since,
            until=span.until,
            everything=span.everything,
            dead_since=span.dead_since,
            after=span.after,
        )

    return {"count_replay": count, "replay": replay}


def _named(asked: Asked) -> EndpointId:
    return EndpointId(asked.path["endpoint_id"])


def _text(at: datetime | None) -> str | None:
    return encode.time_text(at) if at is not None else None
