"""What staff do to an order by hand: the commands below `heard orders`, which cli/orders.py names."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from cyclopts import Parameter, validators

from heard import limits
from heard.cli.arguments import Json
from heard.cli.output import console, fail, print_json, when
from heard.cli.running import house, run
from heard.domain.ids import OrderId
from heard.domain.order import commands as c
from heard.domain.order.lifecycle import FINAL
from heard.domain.order.model import Order, ReasonCode, Status, Ticket
from heard.engine.act_on_order import act_on_order

Minutes = Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=limits.PREP_TIME_MIN_MAX))]

Ahead = Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=limits.PREP_TIME_MIN_MAX))]


def accept(order_id: str, *, prep_time: Minutes = None, json: Json = False) -> None:
    """Accept an order by hand: its channel is told, with the time it will be ready.

    For stores without a POS. Where there is one, only while it cannot decide: it is gone, it does not say what became
    of the ticket, or the order is parked. Look in the POS first, and type the order in if it is not there.

    For example:

        heard orders accept ord_01kdvp1e000000000000000000 --prep-time 20

    Parameters
    ----------
    order_id
        Our id of the order (ord_...).
    prep_time
        Minutes until it is ready; the store's usual time if none are given.
    json
        Print the order as one JSON document.
    """
    run(_act(order_id, c.AcceptOrder(prep_time), json))


def reject(order_id: str, *, reason: ReasonCode, note: str | None = None, json: Json = False) -> None:
    """Reject an order by hand: its channel is told why. A ticket that its POS may have is taken back.

    For example:

        heard orders reject ord_01kdvp1e000000000000000000 --reason item_unavailable --note "out of buns"

    Parameters
    ----------
    order_id
        Our id of the order (ord_...).
    reason
        Why, in the words that channels know.
    note
        Why, for people; the channel sees it.
    json
        Print the order as one JSON document.
    """
    _check_length(note)
    run(_act(order_id, c.RejectOrder(reason, note), json))


def start(order_id: str, *, json: Json = False) -> None:
    """Say that the kitchen has begun with an order.

    For example:

        heard orders start ord_01kdvp1e000000000000000000

    Parameters
    ----------
    order_id
        Our id of the order (ord_...).
    json
        Print the order as one JSON document.
    """
    run(_act(order_id, c.StartOrder(), json))


def ready(order_id: str, *, json: Json = False) -> None:
    """Say that an order is ready for the guest.

    For example:

        heard orders ready ord_01kdvp1e000000000000000000

    Parameters
    ----------
    order_id
        Our id of the order (ord_...).
    json
        Print the order as one JSON document.
    """
    run(_act(order_id, c.FinishOrder(), json))


def complete(order_id: str, *, json: Json = False) -> None:
    """Say that an order was handed over.

    For example:

        heard orders complete ord_01kdvp1e000000000000000000

    Parameters
    ----------
    order_id
        Our id of the order (ord_...).
    json
        Print the order as one JSON document.
    """
    run(_act(order_id, c.CompleteOrder(), json))


def eta(order_id: str, *, minutes: Ahead = None, at: str | None = None, json: Json = False) -> None:
    """Say when an order will be ready.

    For example:

        heard orders eta ord_01kdvp1e000000000000000000 --minutes 25

    Parameters
    ----------
    order_id
        Our id of the order (ord_...).
    minutes
        Minutes from now.
    at
        The time, with its offset from UTC: 2026-03-14T12:40:00Z.
    json
        Print the order as one JSON document.
    """
    if (minutes is None) == (at is None):
        raise fail("give --minutes or --at, one of them")
    run(_act(order_id, _time(at) if at is not None else timedelta(minutes=minutes or 0), json))


def cancel(
    order_id: str, *, reason: ReasonCode = ReasonCode.OTHER, note: str | None = None, json: Json = False
) -> None:
    """Cancel an order for the store: its channel is told, and the POS is asked to take the ticket back.

    For example:

        heard orders cancel ord_01kdvp1e000000000000000000 --reason store_closed --note "water in the kitchen"

    Parameters
    ----------
    order_id
        Our id of the order (ord_...).
    reason
        Why, in the words that channels know.
    note
        Why, for people; the channel sees it.
    json
        Print the order as one JSON document.
    """
    _check_length(note)
    run(_act(order_id, c.RequestCancel(c.STAFF, reason, note), json))


def retry(order_id: str, *, json: Json = False) -> None:
    """Work on an order again: a parked one, or one whose ticket the POS did not take back.

    Where it is open what became of a ticket, the POS is asked, however old the order is. If it does not tell, the order
    needs attention again after some calls; `heard orders show` says what came of each.

    For example:

        heard orders retry ord_01kdvp1e000000000000000000

    Parameters
    ----------
    order_id
        Our id of the order (ord_...).
    json
        Print the order as one JSON document.
    """
    run(_act(order_id, c.Unpark(c.STAFF), json))


def resolve(order_id: str, *, note: str, json: Json = False) -> None:
    """Say that what an order needed a person for has been seen to: it leaves `heard orders list --attention`.

    For example:

        heard orders resolve ord_01kdvp1e000000000000000000 --note "took the ticket off at the till"

    Parameters
    ----------
    order_id
        Our id of the order (ord_...).
    note
        How, for people; it stands in the order's history.
    json
        Print the order as one JSON document.
    """
    if not note.strip():
        raise fail("--note: say what was done")
    _check_length(note)
    run(_act(order_id, c.ResolveAttention(note), json))


COMMANDS = (accept, reject, start, ready, complete, eta, cancel, retry, resolve)


def _check_length(note: str | None) -> None:
    if note is not None and len(note) > limits.REASON_MAX:
        raise fail(f"--note: at most {limits.REASON_MAX} characters, these are {len(note)}")


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - refused below, like any time without an offset
    if at.tzinfo is None:
        raise fail(f"--at: {text[:40]!r} is no time with an offset such as 2026-03-14T12:40:00Z")
    return at


async def _act(order_id: str, command: c.StaffCommand | datetime | timedelta, json: bool) -> None:
    """Do it and say how the order stands. A time, or a span from now, is a new ETA."""
    async with house() as opened:
        if isinstance(command, timedelta):
            command = await opened.hub.now() + command
        if isinstance(command, datetime):
            command = c.MoveEta(command)
        order = (await act_on_order(opened.hub, OrderId(order_id), command)).order
    if json:
        print_json(order_row(order))
    else:
        console.print(_said(order, command), soft_wrap=True)


def _said(order: Order, command: c.StaffCommand) -> str:
    match command:
        case c.RequestCancel() if order.status is not Status.CANCELLED:
            return f"{order.order_id} is being cancelled: the POS has still to say what became of its ticket."
        case c.RequestCancel() if order.ticket.is_leaving:
            return f"{order.order_id} is cancelled. The POS is being asked to take its ticket back."
        case c.RequestCancel() if order.ticket is Ticket.BY_HAND:
            return f"{order.order_id} is cancelled. Tell the kitchen: no POS does."
        case c.RejectOrder() if order.ticket.is_open:
            return f"{order.order_id} is rejected. A ticket that turns up in the POS will be taken back."
        case c.AcceptOrder() | c.MoveEta():
            return f"{order.order_id} is {order.status}, to be ready at {when(order.ready_at)} UTC."
        case c.Unpark() if order.ticket.is_open and order.status in FINAL:
            return f"{order.order_id} is {order.status}. The POS is asked again what became of its ticket."
        case c.Unpark():
            return f"{order.order_id} is worked on again."
        case c.ResolveAttention():
            return f"{order.order_id} needs nobody's attention any more."
        case _:
            return f"{order.order_id} is {order.status}."


def order_row(order: Order) -> dict[str, Any]:
    """An order as --json shows it."""
    return {
        "order_id": order.order_id,
        "organization_id": order.organization_id,
        "venue_id": order.venue_id,
        "marketplace_id": order.marketplace_id,
        "external_order_id": order.external_order_id,
        "status": order.status,
        "version": order.version,
        "ticket": order.ticket,
        "pos_order_id": order.pos_order_id,
        "total": order.total,
        "currency": order.currency,
        "received_at": order.received_at,
        "accept_by": order.accept_by,
        "requested_at": order.requested_at,
        "ready_at": order.ready_at,
        "reason_code": order.reason_code,
        "reason": order.reason,
        "cancelled_by": order.cancelled_by,
        "attention": order.attention,
        "parked": order.parked,
    }
