"""What staff do to an order by hand: the commands below `heard orders`, which cli/orders.py names."""

from datetime import datetime
from typing import Annotated

from cyclopts import Parameter

from heard import limits
from heard.cli.arguments import ApiJson, OrderId, whole
from heard.cli.office import office
from heard.cli.output import console, fail, print_json, when
from heard.cli.running import run
from heard.clients.admin import operations as call
from heard.clients.admin import wire
from heard.domain.order.lifecycle import FINAL
from heard.domain.order.model import ReasonCode, Status, Ticket
from heard.protocols.admin.operation import Operation

Minutes = Annotated[int, whole(0, limits.PREP_TIME_MIN_MAX)]
Ahead = Annotated[int, whole(1, limits.PREP_TIME_MIN_MAX)]
Why = Annotated[ReasonCode, Parameter(help="Why, in the words that channels know.")]
Note = Annotated[str, Parameter(help="Why, for people; the channel sees it.")]


def accept(order_id: OrderId, *, prep_time: Minutes | None = None, json: ApiJson = False) -> None:
    """Accept an order by hand: its channel is told, with the time it will be ready.

    For stores without a POS. Where there is one, only while it cannot decide: it is gone, it does not say what became
    of the ticket, or the order is parked. Look in the POS first, and type the order in if it is not there.

    For example:

        heard orders accept ord_01kdvp1e000000000000000000 --prep-time 20

    Parameters
    ----------
    prep_time
        Minutes until it is ready; the store's usual time if none are given.
    """
    run(_act(call.ACCEPT_ORDER, order_id, wire.AcceptOrder(prep_time_min=prep_time), json))


def reject(order_id: OrderId, *, reason: Why, note: Note | None = None, json: ApiJson = False) -> None:
    """Reject an order by hand: its channel is told why. A ticket that its POS may have is taken back.

    For example:

        heard orders reject ord_01kdvp1e000000000000000000 --reason item_unavailable --note "out of buns"
    """
    _check_length(note)
    run(_act(call.REJECT_ORDER, order_id, wire.RejectOrder(reason_code=reason, reason=note), json))


def start(order_id: OrderId, *, json: ApiJson = False) -> None:
    """Say that the kitchen has begun with an order.

    For example:

        heard orders start ord_01kdvp1e000000000000000000
    """
    run(_act(call.START_ORDER, order_id, None, json))


def ready(order_id: OrderId, *, json: ApiJson = False) -> None:
    """Say that an order is ready for the guest.

    For example:

        heard orders ready ord_01kdvp1e000000000000000000
    """
    run(_act(call.FINISH_ORDER, order_id, None, json))


def complete(order_id: OrderId, *, json: ApiJson = False) -> None:
    """Say that an order was handed over.

    For example:

        heard orders complete ord_01kdvp1e000000000000000000
    """
    run(_act(call.COMPLETE_ORDER, order_id, None, json))


def eta(order_id: OrderId, *, minutes: Ahead | None = None, at: str | None = None, json: ApiJson = False) -> None:
    """Say when an order will be ready.

    For example:

        heard orders eta ord_01kdvp1e000000000000000000 --minutes 25

    Parameters
    ----------
    minutes
        Minutes from now.
    at
        The time, with its offset from UTC: 2026-03-14T12:40:00Z.
    """
    if (minutes is None) == (at is None):
        raise fail("give --minutes or --at, one of them")
    body = wire.MoveEta(ready_at=None if at is None else _time(at).isoformat(), ahead_min=minutes)
    run(_act(call.MOVE_ETA, order_id, body, json))


def cancel(
    order_id: OrderId, *, reason: Why = ReasonCode.OTHER, note: Note | None = None, json: ApiJson = False
) -> None:
    """Cancel an order for the store: its channel is told, and the POS is asked to take the ticket back.

    For example:

        heard orders cancel ord_01kdvp1e000000000000000000 --reason store_closed --note "water in the kitchen"
    """
    _check_length(note)
    run(_act(call.CANCEL_ORDER, order_id, wire.CancelOrder(reason_code=reason, note=note), json))


def retry(order_id: OrderId, *, json: ApiJson = False) -> None:
    """Work on an order again: a parked one, or one whose ticket the POS did not take back.

    Where it is open what became of a ticket, the POS is asked, however old the order is. If it does not tell, the order
    needs attention again after some calls; `heard orders show` says what came of each.

    For example:

        heard orders retry ord_01kdvp1e000000000000000000
    """
    run(_act(call.RETRY_ORDER, order_id, None, json))


def resolve(order_id: OrderId, *, note: str, json: ApiJson = False) -> None:
    """Say that what an order needed a person for has been seen to: it leaves `heard orders list --attention`.

    For example:

        heard orders resolve ord_01kdvp1e000000000000000000 --note "took the ticket off at the till"

    Parameters
    ----------
    note
        How, for people; it stands in the order's history.
    """
    if not note.strip():
        raise fail("--note: say what was done")
    _check_length(note)
    run(_act(call.RESOLVE_ORDER, order_id, wire.ResolveAttention(note=note), json))


COMMANDS = (accept, reject, start, ready, complete, eta, cancel, retry, resolve)

Act = Operation[wire.OrderView] | Operation[wire.OrderCancelled]
Asked = wire.AcceptOrder | wire.RejectOrder | wire.MoveEta | wire.CancelOrder | wire.ResolveAttention | None


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


async def _act(act: Act, order_id: str, body: Asked, json: bool) -> None:
    """Do it and say how the order stands."""
    async with office() as hub:
        answer: wire.OrderView | wire.OrderCancelled = await hub.call(act, body, order_id=order_id)
    if json:
        print_json(answer)
    else:
        order = answer.order if isinstance(answer, wire.OrderCancelled) else answer
        console.print(_said(act.name, order))


def _said(name: str, order: wire.OrderView) -> str:
    ticket = Ticket(order.ticket)
    if name == call.CANCEL_ORDER.name:
        if order.status != Status.CANCELLED:
            return f"{order.order_id} is being cancelled: the POS has still to say what became of its ticket."
        if ticket.is_leaving:
            return f"{order.order_id} is cancelled. The POS is being asked to take its ticket back."
        if ticket is Ticket.BY_HAND:
            return f"{order.order_id} is cancelled. Tell the kitchen: no POS does."
    if name == call.REJECT_ORDER.name and ticket.is_open:
        return f"{order.order_id} is rejected. A ticket that turns up in the POS will be taken back."
    if name in (call.ACCEPT_ORDER.name, call.MOVE_ETA.name):
        return f"{order.order_id} is {order.status}, to be ready at {when(order.ready_at)} UTC."
    if name == call.RETRY_ORDER.name and ticket.is_open and Status(order.status) in FINAL:
        return f"{order.order_id} is {order.status}. The POS is asked again what became of its ticket."
    if name == call.RETRY_ORDER.name:
        return f"{order.order_id} is worked on again."
    if name == call.RESOLVE_ORDER.name:
        return f"{order.order_id} needs nobody's attention any more."
    return f"{order.order_id} is {order.status}."
