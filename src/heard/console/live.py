"""The board, live: one look at the database for all who watch in this process, and what changed to each of them."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import structlog

from heard import limits
from heard.console.cards import Card, card, counts
from heard.console.rendering import render
from heard.domain.ids import OrganizationId
from heard.domain.order.content import OrderContent
from heard.engine.hub import Hub
from heard.protocols.link.decode import decode_content
from heard.storage import board, orders
from heard.storage.faults import UNREACHABLE
from heard.storage.rows import OrderRef

log = structlog.get_logger()

_NO_DATABASE: Final = "The database does not answer; what is shown may be old. Trying again ..."
_STOPPING: Final = "The hub is being stopped."
_FAULT: Final = "The board cannot be read, by a fault of ours; see the log. Trying again ..."


@dataclass(frozen=True, slots=True)
class Look:
    """The board at one moment, the newest first. `html`: cards as they are shown. `more`: how many more are open."""

    cards: dict[OrderRef, Card]
    html: dict[OrderRef, str]
    more: int


_NOTHING: Final = Look({}, {}, 0)


@dataclass(slots=True, eq=False)
class _Watcher:
    """One open board. Who is `behind` has taken nothing yet, or not in time, and reads the whole board anew."""

    updates: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(limits.BOARD_BEHIND_MAX))
    behind: bool = True

    def tell(self, update: str) -> None:
        if not self.behind:
            try:
                self.updates.put_nowait(update)
            except asyncio.QueueFull:
                self.behind = True

    def begin_anew(self) -> None:
        """It knows the board of this moment; what waits for it is older than that."""
        self.behind = False
        while not self.updates.empty():
            self.updates.get_nowait()


class Board:
    """One organization's, or everybody's. It looks only while somebody watches, and then forgets what it saw."""

    def __init__(self, hub: Hub, organization_id: OrganizationId | None) -> None:
        self._hub, self._organization_id = hub, organization_id
        self._look = _NOTHING
        self._whole: str | None = None  # the newest look, as it is told; made when somebody asks
        self._ordered: dict[OrderRef, OrderContent] = {}
        self._watchers: set[_Watcher] = set()
        self._looking: asyncio.Task[None] | None = None
        self._wanted_until = 0.0
        self._trouble: str | None = None
        self._turn = asyncio.Lock()
        self._looked_at = -math.inf  # when the newest look began that came to its end

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    async def look(self) -> Look:
        """The board as it is now. Raises one of UNREACHABLE."""
        self._wanted_until = time.monotonic() + limits.BOARD_KEPT_S
        self._start_looking()
        return await self._look_now()

    async def watch(self) -> AsyncGenerator[str, None]:
        """The whole board, then whatever changes, as JSON; an empty text now and then, as a sign of life. Ends when the
        process is told to stop.
        """
        watcher = _Watcher()
        self._watchers.add(watcher)
        self._start_looking()
        try:
            while not self._hub.readiness.stopping:
                if not watcher.behind:
                    yield await _next(watcher)
                    continue
                trouble = None
                try:
                    await self._look_now()
                except UNREACHABLE:
                    trouble = _NO_DATABASE
                except Exception:  # noqa: BLE001 - who looks for all who watch meets it too, and logs it
                    trouble = _FAULT
                if trouble is None:
                    watcher.begin_anew()
                    yield self._all()
                else:
                    yield _message(trouble=trouble)
                    await asyncio.sleep(limits.RECOVER_S)
        finally:
            self._watchers.discard(watcher)

    def end(self) -> None:
        """Whoever watches hears it, whether the database answers or not."""
        self._tell(_message(trouble=_STOPPING))

    def _start_looking(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._keep_looking())

    async def _keep_looking(self) -> None:
        """While somebody watches, or has loaded the page and is about to."""
        while (self._watchers or time.monotonic() < self._wanted_until) and not self._hub.readiness.stopping:
            await self._look_and_say()
            await asyncio.sleep(limits.RECOVER_S if self._trouble else limits.BOARD_LOOK_S)
        self._look, self._whole, self._ordered, self._trouble = _NOTHING, None, {}, None
        self._looked_at = -math.inf

    async def _look_and_say(self) -> None:
        """Look; what is the matter is told, and that it is over."""
        trouble = None
        try:
            await self._look_now()
        except UNREACHABLE as error:
            log.warning("the database cannot be reached", task="board", error=str(error))
            trouble = _NO_DATABASE
        except Exception:
            log.exception("a fault of ours", task="board")
            trouble = _FAULT
        if trouble is not None or self._trouble is not None:
            self._tell(_message(look=self._look, trouble=trouble))
        self._trouble = trouble

    async def _look_now(self) -> Look:
        """Whoever asks for it: those who watch hear what changed. Of many who ask while somebody looks, one looks again
        for all of them.
        """
        asked_at = time.monotonic()
        async with self._turn:
            if self._looked_at > asked_at:
                return self._look
            begun_at = time.monotonic()
            update = await self._refresh()
            self._looked_at = begun_at
            if update is not None:
                self._tell(update)
            return self._look

    def _tell(self, update: str) -> None:
        for watcher in self._watchers:
            watcher.tell(update)

    async def _refresh(self) -> str | None:
        """Look, and say what changed; None: nothing did."""
        async with self._hub.connection() as connection:
            standing, more = await board.standing(connection, self._organization_id)
            changed = [ref for ref, revision in standing.items() if self._is_news(ref, revision)]
            shown = await board.shown(connection, changed)
            new = [ref for ref in changed if ref not in self._ordered]
            contents = await orders.read_contents(connection, new) if new else {}
        ordered = self._ordered | {ref: decode_content(content) for ref, (content, _) in contents.items()}
        gone = [ref for ref in self._look.cards if ref not in standing]
        fresh = {}
        for one in shown:
            ref = OrderRef(one.order.organization_id, one.order.order_id)
            fresh[ref] = card(one, ordered.get(ref))
        if not fresh and not gone and more == self._look.more:
            return None
        html = {ref: render("_card.html", card=one) for ref, one in fresh.items()}
        known = {ref: one for ref, one in self._look.cards.items() if ref in standing} | fresh
        cards = dict(sorted(known.items(), key=lambda one: one[0].order_id, reverse=True))
        self._look = Look(cards, {ref: html[ref] if ref in html else self._look.html[ref] for ref in cards}, more)
        self._ordered = {ref: content for ref, content in ordered.items() if ref in cards}
        self._whole = None
        return _message(fresh, gone, self._look)

    def _is_news(self, ref: OrderRef, revision: int) -> bool:
        known = self._look.cards.get(ref)
        return known is None or known.revision != revision

    def _all(self) -> str:
        if self._whole is None:
            self._whole = _message(self._look.cards, look=self._look, whole=True)
        return self._whole


async def _next(watcher: _Watcher) -> str:
    """What a watcher is told next; an empty text when nothing happens for long."""
    try:
        async with asyncio.timeout(limits.BOARD_PING_S):
            return await watcher.updates.get()
    except TimeoutError:
        return ""


class Boards:
    """One process's boards."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._boards: dict[OrganizationId | None, Board] = {}
        hub.readiness.at_stop(self._end)

    def of(self, organization_id: OrganizationId | None) -> Board:
        return self._boards.setdefault(organization_id, Board(self._hub, organization_id))

    @property
    def watchers(self) -> int:
        """How many boards are open."""
        return sum(one.watchers for one in self._boards.values())

    @property
    def is_full(self) -> bool:
        return self.watchers >= limits.BOARD_WATCHERS_MAX

    def _end(self) -> None:
        for one in self._boards.values():
            one.end()


def _message(
    refs: Iterable[OrderRef] = (),
    gone: Iterable[OrderRef] = (),
    look: Look = _NOTHING,
    whole: bool = False,
    trouble: str | None = None,
) -> str:
    """What a browser is told: cards to put into their columns, those that left, how many there are now."""
    told: dict[str, Any] = {"whole": whole, "trouble": trouble, "more": look.more}
    told["cards"] = [
        {
            "id": ref.order_id,
            "column": look.cards[ref].column,
            "revision": look.cards[ref].revision,
            "html": look.html[ref],
        }
        for ref in refs
    ]
    told["gone"] = [ref.order_id for ref in gone]
    told["counts"] = counts(look.cards.values())
    return msgspec.json.encode(told).decode()
