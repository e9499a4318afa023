"""What was said in an order's exchanges, as a person may read it: masked, and in nobody's way.

What a POS answered is kept with the exchange. What it was sent is not: the same order makes the same bytes, so that the
request is made again from what is stored, as long as the order still knows of that call. What a channel sent, and what
it was told, is kept anyway. docs/why/growth.md.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from heard import limits
from heard.connectors.contract import Occasion
from heard.domain.order.content import OrderContent
from heard.domain.order.model import Order, Party
from heard.domain.order.plan import Task
from heard.domain.stores import Store
from heard.engine.hear_pos import callback_url
from heard.engine.hub import Hub
from heard.protocols.masking import Known, known_of, masked
from heard.storage import exchanges as said
from heard.storage.exchanges import Requested
from heard.storage.rows import Exchange, HistoryRow, OrderRef

_CLOCK_OFF = timedelta(seconds=limits.CLOCK_OFF_S)


@dataclass(frozen=True, slots=True)
class Retold:
    """An exchange, and what was said in it. `request_made_again`: it is not kept, and was put together anew.
    `answer_cut`: there was more of it than is kept.
    """

    exchange: Exchange
    request: str | None = field(default=None, repr=False)
    request_made_again: bool = False
    answer: str | None = field(default=None, repr=False)
    answer_cut: bool = False


async def known_in(hub: Hub, order: Order, content: OrderContent) -> Known:
    """What of an order is shown in nobody's words: its guest, what they wrote, and the secret of its store's line."""
    store = await hub.store(order.venue_id)
    return known_of(content, () if store is None or store.pos is None else (store.pos.shared_id,))


def retell_step(line: HistoryRow, known: Known) -> HistoryRow:
    """A step as a person may read it: a POS's words may be about the guest."""
    return replace(line, note=masked(line.note.encode(), known)) if line.note and line.by == Party.POS else line


async def retell(
    hub: Hub, order: Order, content: OrderContent, exchanges: Sequence[Exchange], known: Known
) -> list[Retold]:
    """An order's exchanges with what was said in them, as far as that is kept or can be made again."""
    if not exchanges:
        return []
    store = await hub.store(order.venue_id)
    ref = OrderRef(order.organization_id, order.order_id)
    newest = len(exchanges) - limits.EXCHANGES_TOLD_NEWEST
    with_words = [number < limits.EXCHANGES_TOLD_FIRST or number >= newest for number in range(len(exchanges))]
    events = [one.event_id for one, is_told in zip(exchanges, with_words, strict=True) if is_told and one.event_id]
    async with hub.connection() as connection:
        requested = await said.read_requested(connection, ref)
        told = await said.read_told(connection, order.organization_id, list(dict.fromkeys(events)))
    line = store.pos if store is not None else None
    sent: dict[Task, tuple[bytes, datetime]] = {}
    if store is not None and line is not None:
        written = [hub.connector.writes(one.method, one.path) for one in exchanges if _to_pos(one)]
        sent = await _sent(hub, store, order, content, requested, {task for task in written if task is not None})
    exchanges = [
        one if one.error is None else replace(one, error=masked(one.error.encode(), known)) for one in exchanges
    ]
    again = {task: masked(body, known) for task, (body, _) in sent.items()}
    bodies = {event_id: masked(body, known) for event_id, body in told.items()}
    retold = []
    for one, is_told in zip(exchanges, with_words, strict=True):
        if not is_told:
            retold.append(Retold(one))
        elif one.direction == "in":
            retold.append(Retold(one, _asked(one, requested, known)))
        else:
            answer = None if one.answer is None else masked(one.answer, known, cut=one.answer_cut)
            task = _written(hub, one, sent)
            request = again[task] if task is not None else bodies.get(one.event_id) if one.event_id else None
            retold.append(Retold(one, request, task is not None, answer, one.answer_cut))
    return retold


def _asked(exchange: Exchange, requested: Requested, known: Known) -> str | None:
    """What came in: a callback's body, and the order itself as its channel sent it."""
    if exchange.answer is not None:
        return masked(exchange.answer, known, cut=exchange.answer_cut)
    if exchange.peer == "channel" and exchange.status == 201:
        return masked(requested.raw, known, cut=requested.cut)
    return None


async def _sent(
    hub: Hub, store: Store, order: Order, content: OrderContent, requested: Requested, tasks: Collection[Task]
) -> dict[Task, tuple[bytes, datetime]]:
    """What the order's row and its content make of each call that sends a body, and when it was first due."""
    if not tasks:
        return {}
    menu = await hub.menu_beside(store, requested.menu_version)
    if menu is None:
        return {}
    calls = {Task.VALIDATE: order.validate_at, Task.SUBMIT: order.submit_at, Task.WITHDRAW: order.cancel_at}
    made: dict[Task, tuple[bytes, datetime]] = {}
    for task in tasks:
        at = calls.get(task)
        if at is not None:
            occasion = Occasion(at, "call_shown_again", callback_url(hub, store))
            call = hub.connector.order_call(task, order, content, menu, store, occasion)
            made[task] = call.body or b"", at
    return made


def _to_pos(exchange: Exchange) -> bool:
    return exchange.direction == "out" and exchange.peer == "pos"


def _written(hub: Hub, exchange: Exchange, sent: dict[Task, tuple[bytes, datetime]]) -> Task | None:
    """Which call an exchange was, if the order's row still knows of it: an earlier one said another time."""
    if not _to_pos(exchange):
        return None
    task = hub.connector.writes(exchange.method, exchange.path)
    return task if task in sent and exchange.at >= sent[task][1] - _CLOCK_OFF else None
