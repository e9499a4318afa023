"""`heard orders`: see them and their whole history, and act on them (cli/staff.py)."""

from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import App, Parameter

from heard import limits
from heard.cli import staff
from heard.cli.arguments import ApiJson, Flag, OrderId, Page, Venue
from heard.cli.arithmetic import print_arithmetic
from heard.cli.office import office
from heard.cli.output import console, fail, money, print_head, print_json, print_rows, row_of, when
from heard.cli.running import run
from heard.cli.sign import FileOrStdin, read_input
from heard.clients.admin import AdminError, wire, wire_orders
from heard.clients.admin import operations as call
from heard.domain.order.model import Status
from heard.domain.refusals import Refused
from heard.protocols.strict_json import parse

app = App(name="orders", help="See orders and their whole history; accept, reject, cancel and move them by hand.")


@app.command(name="list")
def list_(
    *,
    status: Status | None = None,
    open_: Annotated[bool, Parameter(name="--open", negative="")] = False,
    attention: Flag = False,
    limit: Page = 20,
    before: str | None = None,
    json: ApiJson = False,
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
    before
        The `next` of the page before this one: the id of its last order.
    """
    if status is not None and open_:
        raise fail("give --status or --open, not both")
    run(_list(status, open_, attention, limit, before, json))


@app.command
def show(order_id: OrderId, *, json: ApiJson = False) -> None:
    """Show one order: where it stands, every step it took, every call that was made about it.

    For example:

        heard orders show ord_01kdvp1e000000000000000000
    """
    run(_show(order_id, json))


@app.command(name="try")
def try_(
    venue: Venue,
    *,
    as_: Annotated[str, Parameter(name="--as")],
    file: FileOrStdin,
    json: ApiJson = False,
) -> None:
    """Try an edited order out at a sandbox store, as if a marketplace had sent it there.

    The store must be for trying out (`heard stores set VENUE --sandbox`), and the marketplace be connected to it.

    For example:

        heard orders try ven_01kdvp1e000000000000000000 --as nosh --file order.json
        jq .total=1 order.json | heard orders try ven_01kdvp1e000000000000000000 --as nosh --file -

    Parameters
    ----------
    as_
        As which marketplace: its name or id (mkt_...); it hears of the order as of any of its own.
    file
        The order as the marketplace would send it to Link; - reads stdin. Its venue_id becomes the store's own.
        Leave external_order_id out, and it gets one that is free.
    """
    run(_try(venue, as_, _body(file), json))


for command in staff.COMMANDS:
    app.command(command)


async def _list(
    status: Status | None, is_open: bool, attention: bool, limit: int, before: str | None, json: bool
) -> None:
    wanted = {"status": status, "open": is_open or None, "attention": attention or None}
    async with office() as hub:
        page = await hub.call(call.LIST_ORDERS, limit=limit, after=before, **wanted)
    if json:
        print_json(page)
        return
    now = datetime.now(UTC)
    people = [
        {**row_of(order), "total": money(order.total, order.currency), "age": age(order.received_at, now)}
        for order in page.orders
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
        if status or is_open or before or attention
        else "No orders yet. `heard demo` makes some, in its own data folder."
    )
    print_rows("Orders", people, columns, empty)


async def _show(order_id: str, json: bool) -> None:
    async with office() as hub:
        found = await hub.call(call.READ_ORDER, order_id=order_id)
    if json:
        print_json(found)
    else:
        _print_order(found)


async def _try(venue_id: str, marketplace: str, body: dict[str, Any], json: bool) -> None:
    async with office() as hub:
        try:
            asked = wire_orders.TryOrder(marketplace=marketplace, body=body)
            order = await hub.call(call.TRY_ORDER, asked, venue_id=venue_id)
        except AdminError as error:
            if len(error.errors) < 2:
                raise
            told = [fail(f"{one.path}: {one.message}") for one in error.errors]
            raise told[-1] from None
    if json:
        print_json(order)
    else:
        console.print(f"{order.external_order_id} is at {venue_id}.")
        console.print(f"What becomes of it: heard orders show {order.order_id}")


def _body(file: str) -> dict[str, Any]:
    """An order out of a file. Ends the process when it is none."""
    try:
        body = parse(read_input(file, limits.ADMIN_BYTES_MAX))
    except Refused as refused:
        raise fail(f"--file: {file}: {refused.detail}") from None
    if not isinstance(body, dict):
        raise fail(f"--file: {file}: an order is a JSON object")
    return body


def age(since: str, now: datetime) -> str:
    """A short age: 42s, 5m12s, 3h05m, 2d."""
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    if seconds < 86400:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"
    return f"{seconds // 86400}d"


def _print_order(found: wire_orders.OrderDetail) -> None:
    order = found.order
    print_head(order.order_id, f"  {order.status.upper()}  {money(order.total, order.currency)}")
    console.print(f"  channel's number {order.external_order_id}, venue {order.venue_id}")
    console.print(f"  received {when(order.received_at)} UTC, to be accepted by {when(order.accept_by)} UTC")
    console.print(f"  ticket {order.ticket}" + (f" ({order.pos_order_id})" if order.pos_order_id else ""))
    if order.payment:
        ref = f" ({order.payment_ref})" if order.payment_ref else ""
        console.print(f"  payment {order.payment}, {money(order.total, order.currency)}{ref}")
    if order.reason_code:
        console.print(f"  {order.reason_code}: {order.reason or '-'}")
    elif order.cancel_wanted:
        console.print(f"  is being cancelled ({order.cancel_wanted}): the POS has still to say what became of it")
    if order.attention:
        print_head(f"  needs attention: {order.attention}")
    if found.allowed:
        console.print(f"  you may: heard orders {' | '.join(found.allowed)}")
    for one in found.price_differences:
        prices = f"{money(one.order, order.currency)}, on the menu {money(one.menu, order.currency)}"
        console.print(f"  price {one.path}: {prices}")
    if found.arithmetic is not None:
        print_arithmetic(found.arithmetic, "\nArithmetic")
    steps = [{**row_of(line), "at": _clock(line.at), "note": _remark(line)} for line in found.history]
    print_rows("\nHistory", steps, {"at": "UTC", "step": "Step", "by": "By", "after": "State", "note": "Note"}, "")
    calls = [
        {"at": _clock(x.at), "way": f"{x.direction} {x.peer}", "what": f"{x.method} {x.path}", "status": x.status,
         "ms": f"{x.ms:.0f}", "error": x.error or _unsigned(x)}
        for x in found.exchanges
    ]  # fmt: skip
    columns = {"at": "UTC", "way": "Way", "what": "Call", "status": "Answer", "ms": "ms", "error": "Fault"}
    print_rows("\nCalls", calls, columns, "")


def _unsigned(exchange: wire.Exchange) -> str:
    verdict = exchange.verdict or ""
    return f"signature {verdict}" if verdict.startswith("bad") else ""


def _remark(line: wire.HistoryLine) -> str:
    """What there is to say about a step."""
    late = "" if line.changed else "late or repeated: changed nothing"
    return "; ".join(part for part in (line.note, late) if part)


def _clock(at: str) -> str:
    """A time of the day to the millisecond, UTC."""
    return datetime.fromisoformat(at).astimezone(UTC).strftime("%H:%M:%S.%f")[:-3]
