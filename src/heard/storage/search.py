"""Whatever has an id, looked up by it: each look is one index, in an organization or in all there are."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from heard import limits
from heard.domain.ids import OrganizationId
from heard.domain.order.model import Status
from heard.storage.orders import Connection
from heard.storage.partitions import EVENTS, EXCHANGES, Parted
from heard.storage.sql import UNDECIDED, Values

Row = asyncpg.Record
_ORDER = "o.organization_id, o.order_id, o.external_order_id, o.status"
_KITCHEN = (Status.CONFIRMED, Status.IN_PREP, Status.READY)
_IN_KITCHEN = ", ".join(f"'{one}'" for one in _KITCHEN)
_OPEN_MAX = 5_000  # of each: an end of a number is called out over what is under way


@dataclass(frozen=True, slots=True)
class Where:
    """What is looked at. Each look names its columns; what it finds is bounded."""

    connection: Connection
    organization_id: OrganizationId | None

    async def orders_by_id(self, order_ids: Sequence[str]) -> list[Row]:
        return await self._look(
            f"SELECT {_ORDER} FROM organizations g JOIN orders o ON o.organization_id = g.organization_id"  # noqa: S608
            " WHERE o.order_id = ANY ({}) AND {}",
            order_ids,
            "g.organization_id",
        )

    async def orders_by_channel_number(self, number: str) -> list[Row]:
        """A channel's own number is its own: another channel may have the same."""
        return await self._look(
            f"SELECT {_ORDER} FROM marketplaces m JOIN order_keys k USING (organization_id, marketplace_id)"  # noqa: S608
            " JOIN orders o ON o.organization_id = k.organization_id AND o.order_id = k.order_id"
            " WHERE k.external_order_id = {} AND {}",
            number,
            "m.organization_id",
        )

    async def orders_by_pos_number(self, number: str) -> list[Row]:
        """POSes count from one each day, so the newest come first."""
        return await self._look(
            f"SELECT {_ORDER} FROM orders o WHERE o.pos_order_id = {{}} AND {{}} ORDER BY o.order_id DESC",  # noqa: S608
            number,
            "o.organization_id",
        )

    async def orders_by_payment(self, ref: str) -> list[Row]:
        return await self._look(
            f"SELECT {_ORDER} FROM orders o WHERE o.payment_ref = {{}} AND {{}} ORDER BY o.order_id DESC",  # noqa: S608
            ref,
            "o.organization_id",
        )

    async def open_orders_ending(self, number: str) -> list[Row]:
        """Open orders whose channel's number ends so, as it is called out at a counter."""
        return await self._look(
            f"SELECT {_ORDER} FROM (("  # noqa: S608
            f"SELECT {_ORDER} FROM orders o WHERE o.status IN ({UNDECIDED}) ORDER BY o.order_id DESC LIMIT {_OPEN_MAX}"
            ") UNION ALL ("
            f"SELECT {_ORDER} FROM orders o WHERE o.status IN ({_IN_KITCHEN})"
            f" ORDER BY o.confirmed_at DESC LIMIT {_OPEN_MAX}"
            ")) o WHERE right(lower(o.external_order_id), length({0})) = lower({0}) AND {1} ORDER BY o.order_id DESC",
            number,
            "o.organization_id",
        )

    async def events(self, event_id: str) -> list[Row]:
        return await self._told(EVENTS, event_id)

    async def exchanges(self, exchange_id: str) -> list[Row]:
        return await self._told(EXCHANGES, exchange_id)

    async def _told(self, table: Parted, one: str) -> list[Row]:
        """An event or an exchange, and what it is about."""
        return await self._look(
            f"SELECT t.organization_id, t.{table.key}, t.order_id, t.venue_id, t.endpoint_id FROM organizations g"  # noqa: S608
            f" JOIN {table.name} t ON t.organization_id = g.organization_id WHERE t.{table.key} = {{}} AND {{}}",
            one,
            "g.organization_id",
        )

    async def endpoints(self, endpoint_ids: Sequence[str]) -> list[Row]:
        return await self._look(
            "SELECT w.organization_id, w.endpoint_id, w.url FROM organizations g"
            " JOIN endpoints w ON w.organization_id = g.organization_id WHERE w.endpoint_id = ANY ({}) AND {}",
            endpoint_ids,
            "g.organization_id",
        )

    async def stores(self, venue_ids: Sequence[str], text: str) -> list[Row]:
        """By id, by what a POS calls it, or by a part of the name; what fits exactly comes first."""
        return await self._look(
            "SELECT s.organization_id, s.venue_id, s.name FROM stores s"
            " WHERE (s.venue_id = ANY ({0}) OR s.location_id = {2} OR position(lower({2}) IN lower(s.name)) > 0)"
            " AND {1}"
            " ORDER BY s.venue_id = ANY ({0}) OR lower(s.name) = lower({2}) DESC, s.venue_id",
            venue_ids,
            "s.organization_id",
            text,
        )

    async def channels(self, text: str) -> list[Row]:
        """By id, by an application's key, or by a part of the name."""
        return await self._look(
            "SELECT m.organization_id, m.marketplace_id, m.name FROM marketplaces m WHERE (m.marketplace_id = {0}"
            " OR m.application_key = {0} OR position(lower({0}) IN lower(m.name)) > 0) AND {1}"
            " ORDER BY lower(m.name) = lower({0}) DESC, m.marketplace_id",
            text,
            "m.organization_id",
        )

    async def _look(self, statement: str, wanted: object, owner: str, *more: object) -> list[Row]:
        """`statement` has a place for what is wanted and one for whose it is, then for whatever else."""
        values = Values(limits.SEARCH_FOUND_MAX)
        place = values(wanted)
        whose = values.equal(owner, self.organization_id)
        text = statement.format(place, whose, *(values(one) for one in more))
        return await self.connection.fetch(f"{text} LIMIT $1", *values.given)
