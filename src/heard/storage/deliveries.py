"""Deliveries of events to endpoints: leased, settled, sent again. One of a subject at a time to an endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from heard import limits
from heard.domain.endpoints import DeliveryState
from heard.domain.ids import EndpointId, EventId, MarketplaceId, OrderId, OrganizationId, ids_about
from heard.storage.answers import pack
from heard.storage.orders import Connection
from heard.storage.rows import Exchange, OrderRef
from heard.storage.sql import Values, query


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event leased to a worker, with all that sending it needs. `attempts` counts this one too.

    `old_secret_sealed`: the endpoint's secret before this one, while both count. `trace`: where in a trace the event
    came about.
    """

    organization_id: OrganizationId
    event_id: EventId
    endpoint_id: EndpointId
    order_id: OrderId | None  # None: it is about a store or an endpoint
    subject: str  # the id of what it is about
    attempts: int
    lease: int
    give_up_at: datetime
    body: bytes
    url: str
    secret_sealed: bytes = field(repr=False)
    disabled_at: datetime | None
    disabled_why: str | None
    now: datetime
    old_secret_sealed: bytes | None = field(repr=False)
    kind: str
    trace: str | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of an attempt. `delay_s`: when the next is due; None: there is none.

    `telling`: it says something about the endpoint; an attempt that was never made does not.
    """

    delivery: Delivery
    state: DeliveryState
    delay_s: float | None
    exchange_id: str
    exchange: Exchange
    telling: bool = True


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """How an endpoint stands after an attempt, where that is news: failures in a row, and since when."""

    failures: int
    failing_since: datetime | None
    now: datetime


async def claim(
    connection: Connection, count: int, per_endpoint: int, under_way: Mapping[str, int], lease_s: float
) -> list[Delivery]:
    """Lease up to `count` deliveries that are due; with those under way here, at most `per_endpoint` to one."""
    rows = await connection.fetch(
        query("delivery_claim"),
        count,
        per_endpoint,
        min(per_endpoint, limits.IN_FLIGHT_PER_FAILING_ENDPOINT_MAX),
        list(under_way.keys()),
        list(under_way.values()),
        lease_s,
    )
    if not rows:
        return []
    events = await connection.fetch(
        query("event_bodies"), [row["organization_id"] for row in rows], [row["event_id"] for row in rows]
    )
    told = {event["event_id"]: dict(event) for event in events}
    lost = [row for row in rows if row["event_id"] not in told]
    if lost:  # retention keeps what is to be delivered; were one gone all the same, it would hold up all behind it
        await connection.execute(
            "UPDATE deliveries d SET state = 'dead', dead_at = business_now(), next_at = NULL, lease_until = NULL,"
            " last_error = 'its event is no longer kept'"
            " FROM unnest($1::text[], $2::text[], $3::text[]) AS lost (organization_id, event_id, endpoint_id)"
            " WHERE d.organization_id = lost.organization_id AND d.event_id = lost.event_id"
            " AND d.endpoint_id = lost.endpoint_id",
            *([row[name] for row in lost] for name in ("organization_id", "event_id", "endpoint_id")),
        )
    return [Delivery(**{**row, **told[row["event_id"]]}) for row in rows if row["event_id"] in told]


async def renew(connection: Connection, held: Sequence[Delivery], lease_s: float) -> None:
    """Keep the leases of what a worker is still at; 0 gives them back."""
    held = sorted(held, key=lambda one: (one.organization_id, one.event_id, one.endpoint_id))
    await connection.execute(
        query("delivery_renew"),
        [delivery.organization_id for delivery in held],
        [delivery.event_id for delivery in held],
        [delivery.endpoint_id for delivery in held],
        [delivery.lease for delivery in held],
        lease_s,
    )


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of an attempt's end. `more`: later events of the same subject wait for the same endpoint."""

    health: EndpointHealth | None
    more: bool


async def settle(connection: Connection, ends: Sequence[Settlement]) -> dict[tuple[EventId, EndpointId], Settled]:
    """End attempts, at most one of a delivery, in one statement.

    Those whose lease was lost meanwhile are not in the answer, and nothing was written of them.
    """
    ends = sorted(ends, key=lambda end: (end.delivery.organization_id, end.delivery.event_id, end.delivery.endpoint_id))
    rows = await connection.fetch(
        query("delivery_settle"),
        [end.delivery.organization_id for end in ends],
        [end.delivery.event_id for end in ends],
        [end.delivery.endpoint_id for end in ends],
        [end.delivery.lease for end in ends],
        [end.state for end in ends],
        [end.delay_s for end in ends],
        [end.exchange.error for end in ends],
        [end.exchange_id for end in ends],
        [end.exchange.at for end in ends],
        [end.exchange.path for end in ends],
        [end.exchange.status for end in ends],
        [end.exchange.ms for end in ends],
        [end.telling for end in ends],
        [pack(end.exchange.answer) for end in ends],
    )
    return {(row["event_id"], row["endpoint_id"]): Settled(_health(row), row["more"]) for row in rows}


def _health(row: asyncpg.Record) -> EndpointHealth | None:
    known = row["failures"] is not None
    return EndpointHealth(row["failures"], row["failing_since"], row["now"]) if known else None


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it was written. What it is about has one of the three ids."""

    organization_id: OrganizationId
    event_id: EventId
    marketplace_id: MarketplaceId
    order_id: OrderId | None
    venue_id: str | None
    endpoint_id: EndpointId | None
    sequence: int
    body: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Chosen:
    """Events of an organization for some endpoints: behind one id, before another, dead ones or all there are."""

    organization_id: OrganizationId
    endpoint_ids: tuple[EndpointId, ...]
    after: EventId
    before: EventId | None
    everything: bool
    dead_since: datetime | None

    def rows(self, values: Values) -> str:
        """SQL for rows of (event_id, endpoint_id)."""
        whose, to = values(self.organization_id), f"= ANY ({values(self.endpoint_ids)})"
        span = f"event_id > {values(self.after)}"
        if self.before is not None:
            span += f" AND event_id < {values(self.before)}"
        if self.everything:
            return (
                "SELECT event_id, w.endpoint_id FROM events e JOIN endpoints w"  # noqa: S608
                " ON w.organization_id = e.organization_id AND w.marketplace_id = e.marketplace_id"
                " AND w.endpoint_id IS DISTINCT FROM e.endpoint_id"
                f" WHERE e.organization_id = {whose} AND w.endpoint_id {to} AND {span}"
            )
        if self.dead_since is not None:
            span += f" AND dead_at >= {values(self.dead_since)}"
        return (
            "SELECT event_id, endpoint_id FROM deliveries"  # noqa: S608
            f" WHERE organization_id = {whose} AND state = 'dead' AND endpoint_id {to} AND {span}"
        )


async def choose(connection: Connection, chosen: Chosen, count: int) -> list[tuple[EventId, EndpointId]]:
    """The oldest `count` of what is chosen."""
    values = Values(count)
    rows = await connection.fetch(f"{chosen.rows(values)} ORDER BY 1, 2 LIMIT $1", *values.given)
    return [(row["event_id"], row["endpoint_id"]) for row in rows]


async def count_chosen(connection: Connection, chosen: Chosen) -> dict[EndpointId, int]:
    values = Values(limits.ENDPOINTS_MAX)
    rows = await connection.fetch(
        f"SELECT endpoint_id, count(*) AS count FROM ({chosen.rows(values)}) AS chosen"  # noqa: S608
        " GROUP BY 1 ORDER BY 1 LIMIT $1",
        *values.given,
    )
    return {row["endpoint_id"]: row["count"] for row in rows}


async def make_due(
    connection: Connection, organization_id: OrganizationId, chosen: Sequence[tuple[EventId, EndpointId]]
) -> int:
    """Events go out again to endpoints that are enabled, with a fresh ladder; how many are due now."""
    count: int = await connection.fetchval(
        query("delivery_resend"),
        organization_id,
        [event_id for event_id, _ in chosen],
        [endpoint_id for _, endpoint_id in chosen],
        limits.ORDER_EVENT_RESEND_FOR_S,
        limits.STORE_EVENT_FOR_S,
    )
    return count


async def lock_state(
    connection: Connection, organization_id: OrganizationId, event_id: EventId, endpoint_id: EndpointId
) -> DeliveryState | None:
    """How far a delivery is, which stays so until the transaction ends; None: there is none."""
    state = await connection.fetchval(
        "SELECT state FROM deliveries WHERE organization_id = $1 AND event_id = $2 AND endpoint_id = $3 FOR UPDATE",
        organization_id,
        event_id,
        endpoint_id,
    )
    return None if state is None else DeliveryState(state)


async def find_event(connection: Connection, event_id: EventId) -> Told | None:
    row = await connection.fetchrow(
        "SELECT e.organization_id, e.event_id, e.marketplace_id, e.order_id, e.venue_id, e.endpoint_id, e.sequence,"
        " e.body, e.created_at"
        " FROM organizations o JOIN events e ON e.organization_id = o.organization_id WHERE event_id = $1 LIMIT 1",
        event_id,
    )
    return Told(**dict(row)) if row else None


async def newest(
    connection: Connection,
    count: int,
    *,
    state: DeliveryState | None = None,
    endpoint_id: EndpointId | None = None,
    before: tuple[str, str] | None = None,
    organization_id: OrganizationId | None = None,
) -> list[asyncpg.Record]:
    """A page of deliveries, those of the newest events first; `before`: an event and an endpoint."""
    values = Values(min(count, limits.PAGE_MAX))
    where = ["d.organization_id = o.organization_id"]
    if endpoint_id is not None:
        where.append(f"d.endpoint_id = {values(endpoint_id)}")
    if before is not None:
        where.append(f"(d.event_id, d.endpoint_id) < ({values(before[0])}, {values(before[1])})")
    if state is not None:
        where.append(f"d.state = '{state}'")  # in the text, so that what is dead is found by its index
    whose = f" WHERE o.organization_id = {values(organization_id)}" if organization_id is not None else ""
    return await connection.fetch(
        "SELECT d.organization_id, d.event_id, d.endpoint_id, e.marketplace_id, e.order_id, e.venue_id, e.body,"  # noqa: S608
        " e.created_at, d.state, d.attempts, d.last_error, d.next_at, d.delivered_at, d.dead_at"
        " FROM organizations o CROSS JOIN LATERAL ("
        f"   SELECT * FROM deliveries d WHERE {' AND '.join(where)}"
        "    ORDER BY d.event_id DESC, d.endpoint_id DESC LIMIT $1"
        " ) AS d JOIN events e ON e.organization_id = d.organization_id AND e.event_id = d.event_id"
        f"{whose} ORDER BY d.event_id DESC, d.endpoint_id DESC LIMIT $1",
        *values.given,
    )


async def of_event(connection: Connection, told: Told) -> list[asyncpg.Record]:
    """Where an event goes, and how far it has come there."""
    return await connection.fetch(
        "SELECT d.endpoint_id, w.url, d.state, d.attempts, d.last_error, d.next_at, d.give_up_at, d.delivered_at,"
        " d.dead_at, w.disabled_at FROM deliveries d"
        " JOIN endpoints w ON w.organization_id = d.organization_id AND w.endpoint_id = d.endpoint_id"
        " WHERE d.organization_id = $1 AND d.event_id = $2 ORDER BY d.endpoint_id LIMIT $3",
        told.organization_id,
        told.event_id,
        limits.PAGE_MAX,
    )


async def of_order(connection: Connection, ref: OrderRef) -> list[tuple[asyncpg.Record, list[asyncpg.Record]]]:
    """What was told of an order, the first first, and where each event goes and how far it has come there."""
    events = await connection.fetch(
        "SELECT event_id, sequence, body, created_at FROM events"
        " WHERE organization_id = $1 AND order_id = $2 AND event_id > $4 ORDER BY sequence, event_id LIMIT $3",
        ref.organization_id,
        ref.order_id,
        limits.HISTORY_MAX,
        ids_about("evt", ref.order_id),
    )
    ways: dict[str, list[asyncpg.Record]] = {event["event_id"]: [] for event in events}
    for way in await connection.fetch(
        "SELECT d.event_id, d.endpoint_id, w.url, d.state, d.attempts, d.last_error, d.next_at, d.give_up_at,"
        " d.delivered_at, d.dead_at, w.disabled_at FROM deliveries d"
        " JOIN endpoints w ON w.organization_id = d.organization_id AND w.endpoint_id = d.endpoint_id"
        " WHERE d.organization_id = $1 AND d.event_id = ANY ($2) ORDER BY d.event_id, d.endpoint_id LIMIT $3",
        ref.organization_id,
        list(ways),
        limits.HISTORY_MAX,
    ):
        ways[way["event_id"]].append(way)
    return [(event, ways[event["event_id"]]) for event in events]


async def attempts_at(connection: Connection, told: Told) -> list[asyncpg.Record]:
    """Every attempt to deliver an event, the first one first."""
    return await connection.fetch(
        "SELECT endpoint_id, at, status, ms, error FROM exchanges WHERE organization_id = $1 AND event_id = $2"
        " ORDER BY at, exchange_id LIMIT $3",
        told.organization_id,
        told.event_id,
        limits.HISTORY_MAX,
    )
