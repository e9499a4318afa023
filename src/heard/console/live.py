"""The board, live: one look at the database for all who watch in this process, and what changed to each of them."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from heard import limits
from heard.console.cards import Card, card
from heard.console.rendering import render
from heard.domain.ids import OrganizationId
from heard.domain.order.content import OrderContent
from heard.engine.hub import Hub
from heard.protocols.link.decode import decode_content
from heard.storage import board, orders
from heard.storage.faults import UNREACHABLE
from heard.storage.rows import OrderRef

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Look:
    """The board at one moment. `more`: how many open orders are not shown."""

    cards: dict[OrderRef, Card]
    more: int


@dataclass(slots=True, eq=False)
class _Watcher:
    """One open board. What it has not taken in time, it reads anew."""

    updates: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(limits.BOARD_BEHIND_MAX))
    behind: bool = False


class Board:
    """One organization's, or everybody's. It looks only while somebody watches."""

    def __init__(self, hub: Hub, organization_id: OrganizationId | None) -> None:
        self._hub, self._organization_id = hub, organization_id
        self._look = Look({}, 0)
        self._written: str | None = None  # the whole of it: many who come back at once are told the same
        self._ordered: dict[OrderRef, OrderContent] = {}
        self._watchers: set[_Watcher] = set()
        self._looking: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    async def look(self) -> Look:
        """The board as it is now. Raises one of UNREACHABLE."""
        async with self._turn:
            await self._refresh()
            return self._look

    async def watch(self) -> AsyncIterator[str]:
        """The whole board, then whatever changes, as JSON; an empty text now and then, as a sign of life. Ends when the
        process is told to stop.
        """
        watcher = _Watcher()
        self._watchers.add(watcher)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._keep_looking())
        try:
            await self.look()
            yield self._whole()
            while not self._hub.readiness.stopping:
                if watcher.behind:
                    watcher.behind = False
                    yield self._whole()
                try:
                    async with asyncio.timeout(limits.BOARD_PING_S):
                        yield await watcher.updates.get()
                except TimeoutError:
                    yield ""
        finally:
            self._watchers.discard(watcher)

    async def _keep_looking(self) -> None:
        """While somebody watches."""
        while self._watchers:
            try:
                async with self._turn:
                    update = await self._refresh()
            except UNREACHABLE as error:
                log.warning("the database cannot be reached", task="board", error=str(error))
                update = _message(trouble="The database does not answer; what is shown may be old.")
                await asyncio.sleep(limits.RECOVER_S)
            if self._hub.readiness.stopping:
                update = _message(trouble="The hub is being stopped.")
            if update is not None:
                self._tell(update)
            await asyncio.sleep(limits.BOARD_LOOK_S)

    def _tell(self, update: str) -> None:
        for watcher in self._watchers:
            try:
                watcher.updates.put_nowait(update)
            except asyncio.QueueFull:
                watcher.behind = True
                while not watcher.updates.empty():
                    watcher.updates.get_nowait()

    async def _refresh(self) -> str | None:
        """Look, and say what changed; None: nothing did."""
        async with self._hub.connection() as connection:
            standing, more = await board.standing(connection, self._organization_id)
            changed = [ref for ref, revision in standing.items() if self._is_news(ref, revision)]
            shown = await board.shown(connection, changed)
            new = [ref for ref in changed if ref not in self._ordered]
            contents = await orders.read_contents(connection, new) if new else {}
        self._ordered |= {ref: decode_content(content) for ref, (content, _) in contents.items()}
        gone = [ref for ref in self._look.cards if ref not in standing]
        fresh = {}
        for one in shown:
            ref = OrderRef(one.order.organization_id, one.order.order_id)
            fresh[ref] = card(one, self._ordered.get(ref))
        if not fresh and not gone and more == self._look.more:
            return None
        for ref in gone:
            self._ordered.pop(ref, None)
        kept = {ref: one for ref, one in self._look.cards.items() if ref in standing}
        self._look, self._written = Look({**kept, **fresh}, more), None
        return _message(cards=list(fresh.values()), gone=gone, look=self._look)

    def _is_news(self, ref: OrderRef, revision: int) -> bool:
        known = self._look.cards.get(ref)
        return known is None or known.revision != revision

    def _whole(self) -> str:
        if self._written is None:
            self._written = _message(cards=list(self._look.cards.values()), look=self._look, whole=True)
        return self._written


class Boards:
    """One process's boards."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._boards: dict[OrganizationId | None, Board] = {}

    def of(self, organization_id: OrganizationId | None) -> Board:
        return self._boards.setdefault(organization_id, Board(self._hub, organization_id))

    @property
    def is_full(self) -> bool:
        return sum(one.watchers for one in self._boards.values()) >= limits.BOARD_WATCHERS_MAX


def _message(
    cards: Sequence[Card] = (),
    gone: Sequence[OrderRef] = (),
    look: Look | None = None,
    whole: bool = False,
    trouble: str | None = None,
) -> str:
    """What a browser is told: cards to put into their columns, those that left, how many there are now."""
    told: dict[str, Any] = {"whole": whole, "trouble": trouble}
    told["cards"] = [
        {
            "id": one.order.order_id,
            "column": one.column,
            "revision": one.revision,
            "html": render("_card.html", card=one),
        }
        for one in cards
    ]
    told["gone"] = [ref.order_id for ref in gone]
    if look is not None:
        told["counts"] = Counter(one.column for one in look.cards.values())
        told["more"] = look.more
    return json.dumps(told)
