"""`heard orders`: see them and their whole history, and act on them (cli/staff.py)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter, validators

from heard import limits
from heard.cli import staff
from heard.cli.arguments import Json
from heard.cli.output import console, fail, money, print_json, print_rows, when
from heard.cli.running import house, run
from heard.cli.staff import order_row
from heard.domain.ids import OrderId
from heard.domain.menu.index import PriceDifference
from heard.domain.order.by_hand import Action, allowed_actions
from heard.domain.order.lifecycle import DEADLINE_RUNS
from heard.domain.order.model import Order, Status
from heard.protocols.link.decode import decode_differences
from heard.storage import orders
from heard.storage.rows import Exchange, HistoryRow, OrderRef

app = App(name="orders", help="See orders and their whole history; accept, reject, cancel and move them by hand.")


@app.command(name="list")
def list_(
    *,
    status: Status | None = None,
    open_: Annotated[bool, Parameter(name="--open", negative="")] = False,
    attention: Annotated[bool, Parameter(negative="")] = False,
    limit: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=limits.PAGE_MAX))] = 20,
    before: str | None = None,
    json: Json = False,
) -> None:
    """List orders, the newest first.

    For example:

        heard orders list --status rejected --limit 50

    Parameters
    ----------
    status
        Only orders that stand there.
    open_
        Only orders that are not accepted or ended yet.
    attention
        Only orders that a person should look at, parked ones included.
    limit
        How many at most.
    before
        The id of the last order of the page before this one.
    json
        Print one JSON document: {"orders": [...], "next": ID or null}.
    """
    statuses = [status] if status else list(DEADLINE_RUNS) if open_ else []
    run(_list(statuses, limit, OrderId(before) if before else None, attention, json))


@app.command
def show(order_id: str, *, json: Json = False) -> None:
    """Show one order: where it stands, every step it took, every call that was made about it.

    For example:

        heard orders show ord_01kdvp1e000000000000000000

    Parameters
    ----------
    order_id
        Our id of the order (ord_...).
    json
        Print one JSON document instead.
    """
    run(_show(OrderId(order_id), json))


for command in staff.COMMANDS:
    app.command(command)


async def _list(statuses: list[Status], limit: int, before: OrderId | None, attention: bool, json: bool) -> None:
    async with house() as opened, opened.hub.connection() as connection:
        found = await orders.newest(connection, limit, statuses=statuses, before=before, attention=attention)
    rows = [order_row(order) for order in found]
    if json:
        print_json({"orders": rows, "next": found[-1].order_id if len(found) == limit else None})
        return
    now = datetime.now(UTC)
    people = [
        {**row, "total": money(row["total"], row["currency"]), "age": age(row["received_at"], now)} for row in rows
    ]
    columns = {
        "order_id": "Order",
        "external_order_id": "Channel's number",
        "total": "Total",
        "status": "State",
        "age": "Age",
        "pos_order_id": "Ticket",
        "attention": "Attention",
    }
    empty = (
        "No such orders."
        if statuses or before or attention
        else "No orders yet. `heard demo` makes some, in its own data folder."
    )
    print_rows("Orders", people, columns, empty)


async def _show(order_id: OrderId, json: bool) -> None:
    async with house() as opened, opened.hub.connection() as connection:
        order = await orders.find(connection, order_id)
        if order is None:
            raise fail(f"there is no order {order_id!r}; see `heard orders list`")
        ref = OrderRef(order.organization_id, order.order_id)
        history = await orders.read_history(connection, ref)
        exchanges = await orders.read_exchanges(connection, ref)
        allowed = allowed_actions(order, await opened.hub.now())
        _, kept = await orders.read_body(connection, ref)
    differences = decode_differences(kept)
    if json:
        rest = {"allowed": allowed, "price_differences": differences, "history": history, "exchanges": exchanges}
        print_json({**order_row(order), **rest})
        return
    _print_order(order, allowed, differences, history, exchanges)


def age(since: datetime, now: datetime) -> str:
    """A short age: 42s, 5m12s, 3h05m, 2d."""
    seconds = max(0, int((now - since).total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    if seconds < 86400:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"
    return f"{seconds // 86400}d"


def _print_order(
    order: Order,
    allowed: tuple[Action, ...],
    differences: Sequence[PriceDifference],
    history: list[HistoryRow],
    exchanges: list[Exchange],
) -> None:
    console.print(f"[bold]{order.order_id}[/bold]  {order.status.upper()}  {money(order.total, order.currency)}")
    console.print(f"  channel's number {order.external_order_id}, venue {order.venue_id}")
    console.print(f"  received {when(order.received_at)} UTC, to be accepted by {when(order.accept_by)} UTC")
    console.print(f"  ticket {order.ticket}" + (f" ({order.pos_order_id})" if order.pos_order_id else ""))
    if order.reason_code:
        console.print(f"  {order.reason_code}: {order.reason or '-'}")
    elif order.cancel_wanted:
        console.print(f"  is being cancelled ({order.cancel_wanted}): the POS has still to say what became of it")
    if order.attention:
        console.print(f"  [bold]needs attention: {order.attention}[/bold]")
    if allowed:
        console.print(f"  you may: heard orders {' | '.join(allowed)}")
    for one in differences:
        prices = f"{money(one.order, order.currency)}, on the menu {money(one.menu, order.currency)}"
        console.print(f"  price {one.path}: {prices}", soft_wrap=True, markup=False)
    steps = [
        {"at": row.at.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3], "step": row.step, "by": row.by, "after": row.after,
         "note": row.note or ("" if row.changed else "late or repeated: changed nothing")}
        for row in history
    ]  # fmt: skip
    print_rows("\nHistory", steps, {"at": "UTC", "step": "Step", "by": "By", "after": "State", "note": "Note"}, "")
    calls = [
        {"at": x.at.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3], "way": f"{x.direction} {x.peer}", "what":
         f"{x.method} {x.path}", "status": x.status, "ms": f"{x.ms:.0f}", "error": x.error or ""}
        for x in exchanges
    ]  # fmt: skip
    columns = {"at": "UTC", "way": "Way", "what": "Call", "status": "Answer", "ms": "ms", "error": "Fault"}
    print_rows("\nCalls", calls, columns, "")
