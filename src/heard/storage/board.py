"""What the console's board shows: the orders that are not over, or that a person should look at."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from heard import limits
from heard.domain.ids import OrganizationId
from heard.domain.order.model import Order
from heard.storage.orders import Connection
from heard.storage.rows import Exchange, OrderRef, order_from
from heard.storage.sql import Values, query

_ATTENTION_MAX = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """An order on the board, what it is called where it comes from and goes to, and the last call to its POS."""

    order: Order
    revision: int
    channel: str
    store: str
    last_call: Exchange | None


async def standing(connection: Connection, organization_id: OrganizationId | None) -> tuple[dict[OrderRef, int], int]:
    """The orders on the board with the number that grows with each change of one, and how many more there are."""
    values = Values(limits.BOARD_CARDS_MAX, _ATTENTION_MAX, limits.BOARD_READY_S, limits.BOARD_KITCHEN_S)
    whose = " AND " + values.equal("organization_id", organization_id)
    rows = await connection.fetch(query("board_standing").replace("/* whose */", whose), *values.given)
    shown_of_open, more = sum(row["open"] for row in rows), 0
    if shown_of_open >= limits.BOARD_CARDS_MAX:
        more = await connection.fetchval(query("board_count").replace("/* whose */", whose), *values.given)
        more -= shown_of_open
    found = {OrderRef(row["organization_id"], row["order_id"]): row["revision"] for row in rows}
    return found, max(0, more)


async def shown(connection: Connection, refs: Sequence[OrderRef]) -> list[Shown]:
    """These orders as the board shows them; those that there are."""
    if not refs:
        return []
    order_ids = [ref.order_id for ref in refs]
    rows = await connection.fetch(
        query("board_shown"), [ref.organization_id for ref in refs], order_ids, min(order_ids), max(order_ids)
    )
    return [_shown(row) for row in rows]


def _shown(row: asyncpg.Record) -> Shown:
    call = None
    if row["call_at"] is not None:
        how = row["direction"], row["peer"], row["method"], row["path"], row["call_status"], row["ms"], row["error"]
        call = Exchange(row["call_at"], *how)
    return Shown(order_from(row), row["revision"], row["channel"], row["store"], call)
