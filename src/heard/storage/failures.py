"""What failed, by cause and connection, and what belongs to a cause: found by indexes of what is not well, the newest
first and no more than a bound, so that a hub in great trouble can still be looked at.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import asyncpg

from heard import limits
from heard.domain.ids import EndpointId, EventId, OrderId, OrganizationId, VenueId, made_at
from heard.domain.order.model import Order
from heard.storage.orders import Connection
from heard.storage.rows import order_from
from heard.storage.sql import Values


class Kind(StrEnum):
    """What it is that failed."""

    ATTENTION = "attention"  # orders that a person should look at, or that are parked
    ENDED = "ended"  # orders that the hub or the POS rejected, failed or cancelled
    DELIVERY = "delivery"  # events that an endpoint does not take
    ENDPOINT = "endpoint"  # one that is disabled
    POS = "pos"  # one that is gone
    MENU = "menu"  # one that did not come, or was refused


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something failed, and where. `place`: a store, or an endpoint. `code` and `text` are a kind's own: a word of
    ours, and what the other party said, without the numbers in it that differ each time.
    """

    kind: Kind
    place: str
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """All that failed for one cause. `name`: of the store, or the endpoint's address; `channel` whose that is.

    `off`: the endpoint is disabled. `details`: the faults of a menu.
    """

    cause: Cause
    organization_id: OrganizationId
    name: str
    channel: str | None
    count: int
    first: datetime
    last: datetime
    off: bool = False
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedOrder:
    order: Order
    channel: str


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """`kind`: what the event tells of."""

    event_id: EventId
    endpoint_id: EndpointId
    kind: str
    order_id: OrderId | None
    venue_id: VenueId | None
    state: str
    attempts: int
    last_error: str
    next_at: datetime | None
    dead_at: datetime | None


async def groups(connection: Connection, organization_id: OrganizationId | None, kind: Kind) -> list[Group]:
    """The causes of a kind, the one with the newest failure first."""
    match kind:
        case Kind.ATTENTION | Kind.ENDED:
            return await _order_groups(connection, organization_id, kind)
        case Kind.DELIVERY:
            return await _delivery_groups(connection, organization_id)
        case Kind.ENDPOINT:
            return await _disabled(connection, organization_id)
        case Kind.POS:
            return await _gone(connection, organization_id)
        case Kind.MENU:
            return await _without_menu(connection, organization_id)


async def orders_of(
    connection: Connection, organization_id: OrganizationId | None, cause: Cause, count: int, skip: int
) -> list[FailedOrder]:
    """Some of a cause's orders, the newest first."""
    values = Values(count, skip)
    found = _found(values, organization_id, cause.kind, cause.place)
    code, text = values(cause.code), values(cause.text)
    rows = await connection.fetch(
        f"SELECT o.*, m.name AS channel FROM (SELECT * FROM ({found}) AS found"  # noqa: S608
        f" WHERE code = {code} AND text = {text} ORDER BY at DESC, id DESC LIMIT $1 OFFSET $2) AS f"
        " CROSS JOIN LATERAL (SELECT * FROM orders o"
        " WHERE o.organization_id = f.organization_id AND o.order_id = f.id LIMIT 1) AS o"
        " JOIN marketplaces m ON m.organization_id = o.organization_id AND m.marketplace_id = o.marketplace_id"
        " ORDER BY f.at DESC, f.id DESC",
        *values.given,
    )
    return [FailedOrder(order_from(row), row["channel"]) for row in rows]


async def deliveries_of(
    connection: Connection, organization_id: OrganizationId | None, cause: Cause, count: int, skip: int
) -> list[FailedDelivery]:
    """Some of a cause's deliveries, those of the newest events first."""
    values = Values(count, skip)
    found = _found(values, organization_id, cause.kind, cause.place)
    code, text = values(cause.code), values(cause.text)
    rows = await connection.fetch(
        "SELECT d.event_id, d.endpoint_id, e.kind, d.order_id, e.venue_id, d.state, d.attempts, d.last_error,"  # noqa: S608
        f" d.next_at, d.dead_at FROM (SELECT * FROM ({found}) AS found WHERE code = {code} AND text = {text}"
        " ORDER BY id DESC LIMIT $1 OFFSET $2) AS f CROSS JOIN LATERAL (SELECT * FROM deliveries d"
        " WHERE d.organization_id = f.organization_id AND d.event_id = f.id AND d.endpoint_id = f.place LIMIT 1) AS d"
        " CROSS JOIN LATERAL (SELECT kind, venue_id FROM events e"
        " WHERE e.organization_id = d.organization_id AND e.event_id = d.event_id LIMIT 1) AS e ORDER BY f.id DESC",
        *values.given,
    )
    return [FailedDelivery(**dict(row)) for row in rows]


# What the other party says differs in numbers and ids each time; a status of HTTP is a cause of its own.
_CAUSE: Final = "regexp_replace(left(coalesce({}, ''), 160), '[0-9]{{4,}}', '…', 'g')"
# Why a POS did not give a ticket back: its own words, or that it said nothing in time.
_KEPT: Final = (
    "CASE WHEN o.attention IN ('cancel_at_pos', 'orphan_ticket') THEN (SELECT h.note FROM order_history h"
    " WHERE h.step IN ('keep', 'give_up') AND h.changed AND h.organization_id = o.organization_id"
    " AND h.order_id = o.order_id ORDER BY h.line DESC LIMIT 1) END"
)


def _found(values: Values, organization_id: OrganizationId | None, kind: Kind, place: str | None = None) -> str:
    """SQL for rows of (organization_id, place, id, code, text, at), the newest of what failed."""
    whose = "" if organization_id is None else f" AND {{0}}organization_id = {values(organization_id)}"
    at_store = "" if place is None or kind is Kind.DELIVERY else f" AND o.venue_id = {values(place)}"
    scan = values(limits.FAILURES_SCAN_MAX)
    if kind is Kind.ATTENTION:
        return (
            "SELECT o.organization_id, o.venue_id AS place, o.order_id AS id, coalesce(o.attention, 'parked') AS code,"  # noqa: S608
            f" {_CAUSE.format(_KEPT)} AS text, o.received_at AS at FROM orders o"
            f" WHERE (o.attention IS NOT NULL OR o.parked){whose.format('o.')}{at_store}"
            f" ORDER BY o.received_at DESC, o.order_id DESC LIMIT {scan}"
        )
    if kind is Kind.ENDED:  # by its deadline: an order for later was received days ago. What staff rejected is theirs
        return (
            "SELECT o.organization_id, o.venue_id AS place, o.order_id AS id, o.status || '/' ||"  # noqa: S608
            f" coalesce(o.reason_code, 'other') AS code, {_CAUSE.format('o.reason')} AS text, o.received_at AS at"
            " FROM orders o"
            " WHERE (o.status IN ('rejected', 'failed')"
            "   OR (o.status = 'cancelled' AND o.cancelled_by IN ('hub', 'pos')))"
            f" AND o.accept_by >= (SELECT business_now()) - make_interval(hours => {values(limits.FAILURES_HOURS)})"
            " AND (o.status <> 'rejected' OR (SELECT h.line FROM order_history h WHERE h.step = 'reject' AND h.changed"
            "   AND h.organization_id = o.organization_id AND h.order_id = o.order_id LIMIT 1) IS NULL)"
            f"{whose.format('o.')}{at_store} ORDER BY o.accept_by DESC LIMIT {scan}"
        )
    assert kind is Kind.DELIVERY  # the others are one thing each
    endpoint = "" if place is None else f" AND w.endpoint_id = {values(place)}"
    return (
        "SELECT w.organization_id, w.endpoint_id AS place, d.event_id AS id, d.state AS code, d.text,"  # noqa: S608
        " NULL::timestamptz AS at FROM endpoints w CROSS JOIN LATERAL (SELECT f.event_id, f.state,"
        f" {_CAUSE.format('f.last_error')} AS text FROM deliveries f"
        " WHERE f.organization_id = w.organization_id AND f.endpoint_id = w.endpoint_id"
        f" AND f.last_error IS NOT NULL AND f.state <> 'delivered' ORDER BY f.event_id DESC"
        f" LIMIT {values(limits.FAILURES_PER_ENDPOINT_MAX)}) AS d"
        f" WHERE w.removed_at IS NULL{whose.format('w.')}{endpoint} LIMIT {scan}"
    )


_BY_CAUSE: Final = (
    "SELECT organization_id, place, code, text, count(*) AS count, min(id) AS first_id, max(id) AS last_id,"
    " min(at) AS first, max(at) AS last FROM ({}) AS found GROUP BY 1, 2, 3, 4 ORDER BY last_id DESC LIMIT {}"
)


async def _order_groups(connection: Connection, organization_id: OrganizationId | None, kind: Kind) -> list[Group]:
    values = Values(limits.FAILURES_GROUPS_MAX)
    by_cause = _BY_CAUSE.format(_found(values, organization_id, kind), "$1")
    rows = await connection.fetch(
        f"SELECT c.*, s.name, NULL AS channel, false AS off FROM ({by_cause}) AS c"  # noqa: S608
        " JOIN stores s ON s.organization_id = c.organization_id AND s.venue_id = c.place"
        " ORDER BY c.last DESC, c.place LIMIT $1",
        *values.given,
    )
    return [_group(kind, row, row["first"], row["last"]) for row in rows]


async def _delivery_groups(connection: Connection, organization_id: OrganizationId | None) -> list[Group]:
    values = Values(limits.FAILURES_GROUPS_MAX)
    by_cause = _BY_CAUSE.format(_found(values, organization_id, Kind.DELIVERY), "$1")
    rows = await connection.fetch(
        f"SELECT c.*, w.url AS name, m.name AS channel, w.disabled_at IS NOT NULL AS off FROM ({by_cause}) AS c"  # noqa: S608
        " JOIN endpoints w ON w.organization_id = c.organization_id AND w.endpoint_id = c.place"
        " JOIN marketplaces m ON m.organization_id = w.organization_id AND m.marketplace_id = w.marketplace_id"
        " ORDER BY c.last_id DESC, c.place LIMIT $1",
        *values.given,
    )
    return [_group(Kind.DELIVERY, row, made_at(row["first_id"]), made_at(row["last_id"])) for row in rows]


async def _disabled(connection: Connection, organization_id: OrganizationId | None) -> list[Group]:
    values = Values(limits.FAILURES_GROUPS_MAX)
    rows = await connection.fetch(
        "SELECT w.organization_id, w.endpoint_id AS place, '' AS code, coalesce(w.disabled_why, '') AS text,"  # noqa: S608
        " w.url AS name, m.name AS channel, 1 AS count, w.disabled_at AS at, coalesce(w.failing_since, w.disabled_at)"
        " AS since, true AS off FROM endpoints w"
        " JOIN marketplaces m ON m.organization_id = w.organization_id AND m.marketplace_id = w.marketplace_id"
        f" WHERE w.disabled_at IS NOT NULL AND w.removed_at IS NULL{_whose(values, organization_id, 'w')}"
        " ORDER BY w.disabled_at DESC LIMIT $1",
        *values.given,
    )
    return [_group(Kind.ENDPOINT, row, row["since"], row["at"]) for row in rows]


async def _gone(connection: Connection, organization_id: OrganizationId | None) -> list[Group]:
    """With how many orders wait for each. Whoever is gone is probed, and found by that."""
    values = Values(limits.FAILURES_GROUPS_MAX, limits.FAILURES_SCAN_MAX)
    rows = await connection.fetch(
        "SELECT h.organization_id, h.venue_id AS place, '' AS code, coalesce(h.last_fault, '') AS text, s.name,"  # noqa: S608
        " NULL AS channel, false AS off, h.open_since, coalesce(h.last_fault_at, h.open_since) AS last,"
        " (SELECT count(*) FROM (SELECT FROM orders o WHERE o.organization_id = h.organization_id"
        "   AND o.venue_id = h.venue_id AND o.held LIMIT $2) AS held) AS count FROM pos_health h"
        " JOIN stores s ON s.organization_id = h.organization_id AND s.venue_id = h.venue_id"
        f" WHERE h.probe_at IS NOT NULL AND h.open_since IS NOT NULL{_whose(values, organization_id, 'h')}"
        " ORDER BY h.open_since DESC LIMIT $1",
        *values.given,
    )
    return [_group(Kind.POS, row, row["open_since"], row["last"]) for row in rows]


async def _without_menu(connection: Connection, organization_id: OrganizationId | None) -> list[Group]:
    """With the faults of the last menu that came, or why none did."""
    values = Values(limits.FAILURES_GROUPS_MAX)
    rows = await connection.fetch(
        "SELECT f.organization_id, f.venue_id AS place, f.outcome AS code, '' AS text, s.name, NULL AS channel,"  # noqa: S608
        " false AS off, greatest(f.fault_count, 1) AS count, f.fetched_at, f.faults FROM menu_fetches f"
        " JOIN stores s ON s.organization_id = f.organization_id AND s.venue_id = f.venue_id"
        f" WHERE f.outcome IN ('refused', 'unreachable'){_whose(values, organization_id, 'f')}"
        " ORDER BY f.fetched_at DESC LIMIT $1",
        *values.given,
    )
    return [
        _group(Kind.MENU, row, row["fetched_at"], row["fetched_at"], _fault_lines(json.loads(row["faults"])))
        for row in rows
    ]


def _whose(values: Values, organization_id: OrganizationId | None, table: str) -> str:
    return " AND " + values.equal(f"{table}.organization_id", organization_id)


def _group(kind: Kind, row: asyncpg.Record, first: datetime, last: datetime, details: tuple[str, ...] = ()) -> Group:
    cause = Cause(kind, row["place"], row["code"], row["text"])
    whose, name, channel = row["organization_id"], row["name"], row["channel"]
    return Group(cause, whose, name, channel, row["count"], first, last, row["off"], details)


def _fault_lines(faults: Sequence[dict[str, str]]) -> tuple[str, ...]:
    return tuple(": ".join(part for part in (one.get("path"), one.get("message")) if part) for one in faults)
