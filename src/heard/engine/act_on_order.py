"""Staff act on an order: accept, reject, say how far the kitchen is, cancel, have it worked on again.

Two who act at once are told apart by the version that each has seen: the second is told how the order stands now.
"""

from datetime import datetime, timedelta

from heard import limits
from heard.domain.ids import OrderId, OrganizationId
from heard.domain.order import commands as c
from heard.domain.order.by_hand import Action, action_of, allowed_actions
from heard.domain.order.lifecycle import AT_POS, DEADLINE_RUNS
from heard.domain.order.model import Order, Status
from heard.domain.payments import UNDECIDED
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.stores import Store
from heard.engine.change_order import Changed, change_order
from heard.engine.hub import Hub
from heard.storage import orders
from heard.storage.rows import Claimed


async def act_on_order(
    hub: Hub,
    order_id: OrderId,
    command: c.StaffCommand,
    *,
    version: int | None = None,
    organization_id: OrganizationId | None = None,
    acting: str | None = None,
) -> Changed:
    """Do what staff ask of an order, or leave it as it was.

    `version`: the one they have seen; None: whatever it is. `organization_id`: whose orders they may see; None: all.
    `acting`: by whose hand; the order's history says so.
    Raises Refused: unknown_order; invalid_body; order_conflict when the order has changed since; illegal_transition
    when what they ask makes no sense now. The last two say how the order stands and what is allowed.
    """
    order, store = await _find(hub, order_id, organization_id)

    def check(locked: Claimed) -> None:
        _check_values(command, locked.now)
        _check_version(locked, version)
        _check_allowed(locked, action_of(command))

    return await change_order(hub, store, order.order_id, [command], check=check, announce=True, acting=acting)


async def _find(hub: Hub, order_id: OrderId, organization_id: OrganizationId | None) -> tuple[Order, Store]:
    async with hub.connection() as connection:
        order = await orders.find(connection, order_id, organization_id)
    store = await hub.store(order.venue_id) if order else None
    if order is None or store is None:
        raise unknown_order(order_id)
    return order, store


def unknown_order(order_id: OrderId) -> Refused:
    """There is none, or none of theirs."""
    return Refused(Code.UNKNOWN_ORDER, f"There is no order {order_id!r}; see `heard orders list`.")


def _check_version(locked: Claimed, version: int | None) -> None:
    order = locked.order
    if version is not None and order.version != version:
        now = f"it is {order.status} now, version {order.version}"
        raise _no(Code.ORDER_CONFLICT, locked, f"{order.order_id} has changed since version {version}: {now}")


def _check_allowed(locked: Claimed, action: Action) -> None:
    order = locked.order
    is_cancelled = order.status is Status.CANCELLED or order.cancel_wanted is not None
    if action in allowed_actions(order, locked.now) or (action is Action.CANCEL and is_cancelled):
        return
    stands = f"{order.order_id} is {order.status}{_why_not(order, action, locked.now)}"
    raise _no(Code.ILLEGAL_TRANSITION, locked, f"{stands}: {action} is not possible")


def _why_not(order: Order, action: Action, now: datetime) -> str:
    """What is not told by the status alone."""
    if order.cancel_wanted is not None and order.status in AT_POS:
        return ", and being cancelled"
    if action is Action.ACCEPT and order.status in DEADLINE_RUNS and now >= order.accept_by:
        return ", and its deadline has passed"
    if action is Action.ACCEPT and order.payment in UNDECIDED:
        return ", and its payment is not authorized yet"
    if action in (Action.ACCEPT, Action.REJECT) and order.status in AT_POS:
        return ", and its POS decides"
    return ""


def _no(code: Code, locked: Claimed, text: str) -> Refused:
    allowed = allowed_actions(locked.order, locked.now)
    sentence = f"{text}. Allowed now: {', '.join(allowed) or 'nothing'}."
    return Refused(code, sentence, current=locked.order.status, allowed=allowed)


def _check_values(command: c.StaffCommand, now: datetime) -> None:
    match command:
        case c.AcceptOrder(prep_time_min, ready_at):
            if prep_time_min is not None and ready_at is not None:
                raise _wrong("ready_at", "contradiction", "give ready_at or prep_time_min, not both")
            if prep_time_min is not None and not 0 <= prep_time_min <= limits.PREP_TIME_MIN_MAX:
                raise _wrong("prep_time_min", "out_of_range", f"must be 0 to {limits.PREP_TIME_MIN_MAX} minutes")
            _check_ready_at(ready_at, now)
        case c.MoveEta(ready_at):
            _check_ready_at(ready_at, now)
        case c.RejectOrder(_, text) | c.RequestCancel(_, _, text) | c.ResolveAttention(text):
            if text is not None and len(text) > limits.REASON_MAX:
                raise _wrong("note", "too_long", f"at most {limits.REASON_MAX} characters, these are {len(text)}")
        case c.StartOrder() | c.FinishOrder() | c.CompleteOrder() | c.Unpark():
            pass


def _check_ready_at(ready_at: datetime | None, now: datetime) -> None:
    if ready_at is None:
        return
    if not now < ready_at <= now + timedelta(minutes=limits.PREP_TIME_MIN_MAX):
        raise _wrong("ready_at", "out_of_range", f"must lie within the next {limits.PREP_TIME_MIN_MAX} minutes")


def _wrong(name: str, code: str, message: str) -> Refused:
    return Refused(Code.INVALID_BODY, f"{name}: {message}.", FieldError(f"$.{name}", code, message))
