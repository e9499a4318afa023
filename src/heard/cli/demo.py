"""`heard demo`: watch orders travel from their channels through the hub into a POS and back."""

import asyncio
import os
import sys
import time
import webbrowser
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from cyclopts import Parameter, validators
from rich.live import Live

from heard import limits
from heard.bootstrap import House, first_link
from heard.cli.arguments import Json
from heard.cli.output import console, fail, print_json
from heard.cli.running import read_config, run, set_up_log, until_stopped
from heard.domain.ids import LocationId, OrderId, OrganizationId, id_from_uuid
from heard.domain.order.lifecycle import FINAL
from heard.domain.order.model import Order, Status
from heard.domain.payments import PaymentState
from heard.domain.stores import Amounts, PosConnection, SignatureScheme
from heard.protocols.addresses import is_web_address
from heard.sandbox.demo import Demo, RemotePos, every_road, open_demo
from heard.sandbox.marketplace import HubUnreachable
from heard.sandbox.pos import Mood
from heard.sandbox.timeline import Seen, line, look, table
from heard.storage import orders
from heard.storage.exchanges import read_exchanges
from heard.storage.rows import OrderRef

_ONCE_WITHIN_S = 120.0
_ROWS_MAX = 100


def demo(
    *,
    rate: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=100))] = 1 / 3,
    once: Annotated[bool, Parameter(negative="")] = False,
    loyalty: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
    data: Path | None = None,
    pos: str | None = None,
    shared_id_env: str = "HEARD_POS_SHARED_ID",
    pos_amounts: Amounts = Amounts.MINOR,
    pos_signature: SignatureScheme = SignatureScheme.DIGEST,
    pos_organization: str = "demo",
    pos_location: str = "demo-1",
    browser: bool = True,
) -> None:
    """Run a hub, a POS, a marketplace and a loyalty program in one process and place orders until Ctrl-C.

    All four speak the real protocols over real sockets; the hub keeps its orders in a PostgreSQL of its own. Every
    third order comes from the loyalty program, over the Ordering API, with a discount and paid. Some orders are
    refused, some are slow (202), some calls time out, and some guests cancel while the till is locked, which a person
    mends in the console, so that every road is seen. A second start goes on with the orders of the first.

    For example:

        heard demo --rate 2
        heard demo --once --json
        heard demo --once --loyalty
        heard demo --once --pos http://127.0.0.1:9000

    Parameters
    ----------
    rate
        Orders per second.
    once
        Play one order through its whole life and stop; exit status 0 only if it reached READY.
    loyalty
        With --once: an order of the loyalty program; exit status 0 only if its money was captured, too.
    json
        With --once: print what happened as one JSON document.
    data
        The demo's own folder; by default heard-demo beside the hub's data folder.
    pos
        Send the orders to this POS, which runs already, instead of one of ours: http://127.0.0.1:9000.
    shared_id_env
        With --pos: the environment variable that holds the SharedId.
    pos_amounts
        With --pos: how it writes order amounts.
    pos_signature
        With --pos: what it signs.
    pos_organization
        With --pos: PAR's id of the organization, as the POS has it mapped.
    pos_location
        With --pos: PAR's id of the location.
    browser
        Open the console in a browser, where there is a screen.

    """
    if json and not once:
        raise fail("--json goes with --once: a running demo has no end to print")
    if loyalty and not once:
        raise fail("--loyalty goes with --once: a running demo has orders of both kinds")
    config = read_config()
    remote = None
    if pos:
        line = _line(pos, shared_id_env, pos_amounts, pos_signature)
        remote = RemotePos(line, OrganizationId(pos_organization), LocationId(pos_location))
    beside = f"heard-demo-{pos_organization}-{pos_location}" if pos else "heard-demo"
    folder = (data or config.data_folder.with_name(beside)).expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    set_up_log(config.get("log.level"), folder / "demo.log")
    if once:
        raise SystemExit(run(_once(folder, json, loyalty, remote)))
    run(until_stopped(lambda: _watch(folder, 1 / rate, remote, browser)))


def _line(url: str, variable: str, amounts: Amounts, signature: SignatureScheme) -> PosConnection:
    shared_id = os.environ.get(variable, "")
    if len(shared_id) < limits.SHARED_ID_LENGTH_MIN:
        raise fail(f"{variable} must hold the SharedId, at least {limits.SHARED_ID_LENGTH_MIN} characters")
    if not is_web_address(url) or urlsplit(url).query:
        raise fail(f"--pos: {url!r} is not an address such as http://127.0.0.1:9000")
    return PosConnection(url, shared_id, amounts, signature)


async def _watch(folder: Path, every_s: float, remote: RemotePos | None, browser: bool) -> None:
    console.print(f"Starting the demo in {folder} ...")
    async with open_demo(read_config(), folder, every_road, remote) as running:
        log_file = folder / "demo.log"
        addresses = f"Hub {running.hub_url}   POS {running.pos_url}   Log {log_file}   Ctrl-C stops it all"
        link = await first_link(running.house, running.hub_url)
        entry = f"{running.hub_url}/console" if link is None else f"{link} (lets one person in, once)"
        console.print(f"Console: {entry}", soft_wrap=True)
        if browser and console.is_terminal and _has_screen():
            await asyncio.to_thread(webbrowser.open, link or f"{running.hub_url}/console")
        placing = asyncio.create_task(running.place(every_s))
        try:
            await (_live(running, addresses) if console.is_terminal else _lines(running, addresses))
        finally:
            placing.cancel()
            await asyncio.gather(placing, return_exceptions=True)
            console.print("Stopping ...")


def _has_screen() -> bool:
    """Whether a browser would be a window, and not take this terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


async def _live(running: Demo, addresses: str) -> None:
    with Live(console=console, auto_refresh=False, screen=False, vertical_overflow="crop") as live:
        while True:
            seen, now = await _look(running.house, max(5, min(_ROWS_MAX, console.height - 6)))
            live.update(table(seen, now, addresses, running.channels), refresh=True)
            await asyncio.sleep(0.5)


async def _lines(running: Demo, addresses: str) -> None:
    """For pipes and files: each new step as a line. Of an earlier start, only what still moves."""
    console.print(addresses)
    shown: dict[OrderId, int] = {}
    first = True
    while True:
        seen, _ = await _look(running.house, _ROWS_MAX)
        for one in reversed(seen):
            known = shown.get(one.order.order_id, len(one.steps) if first and one.order.status in FINAL else 0)
            for step in one.steps[known:]:
                print(line(step, one.order, running.channels), flush=True)
            shown[one.order.order_id] = len(one.steps)
        first = False
        await asyncio.sleep(0.3)


async def _look(house: House, count: int) -> tuple[list[Seen], datetime]:
    async with house.hub.connection() as connection:
        seen = await look(connection, count)
    return seen, datetime.now(UTC)


async def _once(folder: Path, json: bool, loyalty: bool, remote: RemotePos | None) -> int:
    async with open_demo(read_config(), folder, lambda _: Mood.WELL, remote) as running:
        order = await _play(running, loyalty)
        document = await _document(running, order)
    if loyalty:
        document |= {"payment": order.payment, "total": order.total}
    if json:
        print_json(document)
    else:
        for step in document["steps"]:
            print(f"{step['at_ms']:>6} ms  {step['step']:<18} {step['status']}")
        paid = f", payment {order.payment}" if loyalty else ""
        print(f"{document['order_id']} ended {document['final_status'].upper()}{paid}")
    return 0 if _is_well(order) else 1


async def _play(running: Demo, loyalty: bool) -> Order:
    """Place one order and wait until it is READY, with its money in, or ends otherwise."""
    party = running.loyalty if loyalty else running.marketplace
    until = time.monotonic() + _ONCE_WITHIN_S
    order_id = await (_send_wish(running, until) if loyalty else _send_order(running, until))
    while True:
        async with running.house.hub.connection() as connection:
            order = await orders.find(connection, order_id)
        assert order is not None  # it was answered 201
        told = party.ledger.row("SELECT 1 FROM told WHERE order_id = ? AND status = 'READY'", order_id)
        if (_is_well(order) and told) or order.status in FINAL or time.monotonic() > until:
            return order
        await asyncio.sleep(0.02)


def _is_well(order: Order) -> bool:
    return order.status is Status.READY and order.payment in (PaymentState.NONE, PaymentState.CAPTURED)


async def _send_order(running: Demo, until: float) -> OrderId:
    content = running.next_order()
    return OrderId(await _sent(lambda: running.marketplace.send(content), until))


async def _send_wish(running: Demo, until: float) -> OrderId:
    wish = running.next_wish()
    found = id_from_uuid("ord", await _sent(lambda: running.loyalty.send(wish), until))
    assert found is not None  # the hub gave it
    return OrderId(found)


async def _sent(send: Callable[[], Awaitable[str | None]], until: float) -> str:
    """What the hub calls the order, once it has it."""
    while time.monotonic() < until:
        try:
            order_id = await send()
        except HubUnreachable:
            await asyncio.sleep(0.5)
            continue
        if order_id is None:
            raise fail("the hub refused the demo's order; see the demo's log")
        return order_id
    raise fail("the demo's hub does not answer; see the demo's log")


async def _document(running: Demo, order: Order) -> dict[str, Any]:
    ref = OrderRef(order.organization_id, order.order_id)
    async with running.house.hub.connection() as connection:
        history = await orders.read_history(connection, ref)
        exchanges = await read_exchanges(connection, ref)
    return {
        "order_id": order.order_id,
        "final_status": order.status,
        "menu_products": len({product.id for product in running.menu.products()}),
        "steps": [
            {
                "at_ms": round((row.at - order.received_at).total_seconds() * 1000),
                "step": row.step,
                "status": row.after,
            }
            for row in history
        ],
        "exchanges": [
            {
                "direction": exchange.direction,
                "method": exchange.method,
                "path": exchange.path,
                "status": exchange.status,
                "ms": round(exchange.ms, 1),
            }
            for exchange in exchanges
        ],
    }
