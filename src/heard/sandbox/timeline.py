"""The demo as people see it: a live table of orders on a terminal, a line per step elsewhere."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group
from rich.table import Table
from rich.text import Text

from heard.domain.ids import MarketplaceId
from heard.domain.order.model import Order, Status
from heard.protocols.ordering.encode import order_code
from heard.storage import order_pages, orders
from heard.storage.order_pages import Wanted
from heard.storage.orders import Connection
from heard.storage.rows import HistoryRow, OrderRef

_COLOURS = {
    Status.RECEIVED: "white",
    Status.SCHEDULED: "white",
    Status.SUBMITTING: "cyan",
    Status.UNKNOWN: "magenta",
    Status.AWAITING_POS: "cyan",
    Status.CONFIRMED: "blue",
    Status.IN_PREP: "yellow",
    Status.READY: "green",
    Status.COMPLETED: "bright_black",
    Status.REJECTED: "red",
    Status.FAILED: "red",
    Status.CANCELLED: "red",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """An order with its last few steps."""

    order: Order
    steps: Sequence[HistoryRow]


async def look(connection: Connection, count: int) -> list[Seen]:
    """The newest orders with their histories."""
    return [
        Seen(order, await orders.read_history(connection, OrderRef(order.organization_id, order.order_id)))
        for order in await order_pages.page(connection, None, Wanted(), count, None)
    ]


@dataclass(frozen=True, slots=True)
class Channels:
    """What people call those who send orders, and the orders that they send."""

    names: Mapping[MarketplaceId, str]
    numbered_by_code: frozenset[MarketplaceId]  # whose own numbers are UUIDs, which nobody reads

    def name(self, order: Order) -> str:
        return self.names.get(order.marketplace_id, "")

    def number(self, order: Order) -> str:
        if order.marketplace_id in self.numbered_by_code:
            return order_code(order.order_id)
        return order.external_order_id


def table(seen: Sequence[Seen], now: datetime, addresses: str, channels: Channels) -> Group:
    """The live picture: counts by state, then each order with its road so far."""
    counts = Counter(one.order.status for one in seen)
    summary = Text("  ").join(
        Text(f"{status} {counts[status]}", _COLOURS[status]) for status in Status if counts[status]
    )
    rows = Table(header_style="bold", show_edge=False, pad_edge=False, expand=True)
    for heading in ("Channel", "Order", "Total", "State", "Age"):
        rows.add_column(heading, no_wrap=True, justify="right" if heading in ("Total", "Age") else "left")
    rows.add_column("Its road so far", no_wrap=True, ratio=1)
    for one in seen:
        order = one.order
        rows.add_row(
            channels.name(order),
            channels.number(order),
            f"{order.total // 100}.{order.total % 100:02d}",
            Text(order.status, _COLOURS[order.status]),
            f"{max(0, int((now - order.received_at).total_seconds()))}s",
            road(one.steps, order),
        )
    return Group(Text(addresses, "bright_black"), summary, rows)


def road(steps: Sequence[HistoryRow], order: Order) -> Text:
    """The last event first: when it was, counted from receipt, and what came before."""
    if not steps:
        return Text("")
    last = steps[-1]
    text = Text(f"+{(last.at - order.received_at).total_seconds():.1f}s {last.step}", "bold")
    if last.note:
        text.append(f" ({last.note})")
    before = " ".join(step.step for step in reversed(steps[:-1]))
    text.append(f"  < {before}" if before else "", "bright_black")
    text.truncate(160, overflow="ellipsis")
    return text


def line(step: HistoryRow, order: Order, channels: Channels) -> str:
    """One step as one line of plain text."""
    mark = "" if step.changed else " (late or repeated)"
    note = f": {step.note}" if step.note else ""
    at = step.at.strftime("%H:%M:%S")
    who = f"{channels.name(order):<7} {channels.number(order):<22}"
    return f"{at}  {who} {step.step:<18} -> {step.after}{mark}{note}"
