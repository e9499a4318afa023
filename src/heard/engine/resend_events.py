"""Events go out again: one by hand, or all that are dead since a time, under their ids and in their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from heard import limits
from heard.domain.endpoints import DeliveryState
from heard.domain.ids import EndpointId, EventId, OrganizationId, ids_from
from heard.domain.refusals import Code, Refused
from heard.engine.hub import WORK_CHANNEL, Hub
from heard.storage import deliveries, endpoints
from heard.storage.deliveries import Chosen, Told
from heard.storage.endpoints import Endpoint
from heard.storage.orders import Connection


@dataclass(frozen=True, slots=True)
class Replay:
    """Which events go out again, to which endpoints of one organization.

    `since` and `until` are times of the events; `after`: an event up to which it was done before. `everything`: also
    what was delivered, and what an endpoint never had, because it was disabled or not there yet. `dead_since`: only
    what is dead since then.
    """

    organization_id: OrganizationId
    endpoint_ids: tuple[EndpointId, ...]
    since: datetime
    until: datetime | None = None
    everything: bool = False
    dead_since: datetime | None = None
    after: EventId | None = None


def enabled_of(chosen: Sequence[Endpoint]) -> dict[OrganizationId, tuple[EndpointId, ...]]:
    """The enabled ones of these, by organization: what is sent to a disabled one would be dead at once.

    Raises Refused(order_conflict) when there is none.
    """
    found: dict[OrganizationId, tuple[EndpointId, ...]] = {}
    for endpoint in chosen:
        if endpoint.disabled_at is None:
            found[endpoint.organization_id] = (*found.get(endpoint.organization_id, ()), endpoint.endpoint_id)
    if not found:
        text = "No endpoint is enabled; see `heard webhooks endpoints`, and `heard webhooks enable --help`."
        raise Refused(Code.ORDER_CONFLICT, text)
    return found


async def count_replay(hub: Hub, replay: Replay) -> dict[EndpointId, int]:
    """How many events would go out again, by endpoint."""
    async with hub.connection(limits.LONG_STATEMENT_S) as connection:
        return await deliveries.count_chosen(connection, _chosen(replay))


@dataclass(frozen=True, slots=True)
class Resent:
    """A batch that is due again. `last`: the event to go on behind; None: there was nothing. `more`: there may be."""

    count: int
    last: EventId | None
    more: bool


async def resend_batch(hub: Hub, replays: Sequence[Replay]) -> Resent:
    """Make the oldest of what is chosen due; whosever they are, one event's place is one.

    A batch ends between two milliseconds of the events' ids: events of one order that came about together become due
    together, and an order's later ones never before its earlier ones. May be broken off at any time: what is due stays
    due.
    """
    found: list[tuple[EventId, EndpointId, OrganizationId]] = []
    async with hub.connection(limits.LONG_STATEMENT_S) as connection:
        for replay in replays:
            chosen = await deliveries.choose(connection, _chosen(replay), limits.RESEND_BATCH_MAX)
            found += [(event_id, endpoint_id, replay.organization_id) for event_id, endpoint_id in chosen]
        more = len(found) >= limits.RESEND_BATCH_MAX
        batch = _whole_moments(sorted(found)[: limits.RESEND_BATCH_MAX]) if more else sorted(found)
        count = 0
        for whose in dict.fromkeys(one[2] for one in batch):
            count += await _make_due(hub, connection, whose, [one[:2] for one in batch if one[2] == whose])
    return Resent(count, batch[-1][0] if batch else None, more)


async def find_event(hub: Hub, event_id: EventId, organization_id: OrganizationId | None = None) -> Told:
    """An event of an organization, or of any where none is given. Raises Refused(unknown_event)."""
    async with hub.connection() as connection:
        found = await deliveries.find_event(connection, event_id)
    if found is None or organization_id not in (None, found.organization_id):
        raise Refused(Code.UNKNOWN_EVENT, f"There is no event {event_id!r}; see `heard webhooks list`.")
    return found


async def resend_event(
    hub: Hub,
    event_id: EventId,
    endpoint_id: EndpointId | None = None,
    organization_id: OrganizationId | None = None,
    state: DeliveryState | None = None,
) -> int:
    """One event again, to one endpoint of its marketplace or to every enabled one; to how many.

    `state`: only where it still stands there on its way to the one endpoint: whoever has seen it dead sends nothing
    twice that another has sent again meanwhile.
    Raises Refused(unknown_event | unknown_endpoint), order_conflict where the delivery has changed.
    """
    told = await find_event(hub, event_id, organization_id)
    async with hub.connection() as connection:
        known = await endpoints.of_marketplace(connection, told.marketplace_id)
        ids = [one.endpoint_id for one in known if one.disabled_at is None and endpoint_id in (None, one.endpoint_id)]
        if endpoint_id is not None and not ids:
            text = f"{endpoint_id!r} is no enabled endpoint of the event's marketplace; see `heard webhooks endpoints`"
            raise Refused(Code.UNKNOWN_ENDPOINT, f"{text}.")
        async with connection.transaction():
            if state is not None and endpoint_id is not None:
                now = await deliveries.lock_state(connection, told.organization_id, event_id, endpoint_id)
                if now != state:
                    raise Refused(Code.ORDER_CONFLICT, f"The delivery of {event_id} is {now or 'gone'} by now.")
            return await _make_due(hub, connection, told.organization_id, [(event_id, one) for one in ids])


async def _make_due(
    hub: Hub,
    connection: Connection,
    organization_id: OrganizationId,
    batch: Sequence[tuple[EventId, EndpointId]],
) -> int:
    async with connection.transaction():
        count = await deliveries.make_due(connection, organization_id, batch)
        await connection.execute("SELECT pg_notify($1, '')", WORK_CHANNEL)
    hub.wake()
    return count


def _whole_moments(
    found: list[tuple[EventId, EndpointId, OrganizationId]],
) -> list[tuple[EventId, EndpointId, OrganizationId]]:
    """Without the last millisecond, of which there may be more; without the last event, where there is but one."""
    last, moment = found[-1][0], _moment(found[-1][0])
    return [one for one in found if _moment(one[0]) != moment] or [one for one in found if one[0] != last]


def _moment(event_id: EventId) -> str:
    return event_id[:-16]  # the rest of an id is chance


def _chosen(replay: Replay) -> Chosen:
    return Chosen(
        replay.organization_id,
        replay.endpoint_ids,
        max(replay.after or EventId(""), EventId(ids_from("evt", replay.since))),
        EventId(ids_from("evt", replay.until)) if replay.until else None,
        replay.everything,
        replay.dead_since,
    )
