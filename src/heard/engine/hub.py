"""What every use case needs: the database, the key, and small caches of what seldom changes."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import asyncpg

from heard import limits
from heard.connectors.contract import Connector
from heard.connectors.posnext import PosnextConnector
from heard.domain.channels import ChannelKind
from heard.domain.ids import KeyId, MarketplaceId, OrderId, OrganizationId, SingularPointId, VenueId, make_id
from heard.domain.menu.index import MenuIndex
from heard.domain.menu.price_book import PriceBook
from heard.domain.order.content import OrderContent
from heard.domain.singular_points import SingularPoint
from heard.domain.stores import Store
from heard.engine.batching import Batcher
from heard.engine.chance import Chance
from heard.engine.judge_apart import JudgeApart
from heard.engine.judge_menu import MenuJudge, Verdict, index_document, price_document, read_document
from heard.engine.menu_looks import Look
from heard.engine.passes import Passes
from heard.engine.readiness import Readiness
from heard.engine.written_menu import Facts, WrittenMenu, write_menu
from heard.net.remembered import Remembered
from heard.protocols.link.menus import MenuFacts
from heard.storage import connections, menus, singular_points, stores
from heard.storage.reaching import Lender, connect, until_silent
from heard.storage.sealing import Sealer

WORK_CHANNEL = "heard_work"
ANY_WORK, ORDER_WORK, DELIVERY_WORK = "", "orders", "deliveries"  # what is announced there

W = TypeVar("W")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Client:
    """Which channel calls, as its token says, or an application's key: then there are no scopes."""

    organization_id: OrganizationId
    marketplace_id: MarketplaceId
    scopes: frozenset[str]
    kind: ChannelKind = ChannelKind.MARKETPLACE

    @property
    def holder_id(self) -> str:
        return self.marketplace_id


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who calls the admin API, as the key says, or a person in the console. `organization_id` None: all there are (no
    key has that).
    """

    organization_id: OrganizationId | None
    key_id: KeyId
    name: str
    scopes: frozenset[str]
    is_person: bool = False

    @property
    def holder_id(self) -> str:
        return self.key_id

    @property
    def acting(self) -> str | None:
        """As whose hand it stands in an order's history."""
        if self.is_person:
            return self.name
        return f"key {self.name}" if self.organization_id is not None else None


class Hub:
    """One process's view of the hub. Holds no truth: that is in PostgreSQL."""

    def __init__(self, pool: asyncpg.Pool, direct_dsn: str, sealer: Sealer, public_url: str | None = None) -> None:
        """`direct_dsn`: the database, past a pooler that the pool's connections may go through."""
        self.pool = pool
        self._direct_dsn = direct_dsn
        self._lender = Lender()
        self.sealer = sealer
        self.public_url = public_url
        self.connector: Connector = PosnextConnector()
        self.tokens: Passes[Client] = Passes()
        self.keys: Passes[KeyHolder] = Passes()
        self.applications: Passes[Client] = Passes()  # by their keys
        self.pos_prices_under_way: Counter[VenueId] = Counter()  # questions to POSes, by store
        self._stores: Remembered[VenueId, Store] = Remembered(limits.STORE_CACHE_MAX, limits.STORE_CACHE_S)
        self._points: Remembered[SingularPointId, SingularPoint] = Remembered(
            limits.STORE_CACHE_MAX, limits.STORE_CACHE_S
        )
        self._connected: Remembered[tuple[OrganizationId, VenueId, MarketplaceId], bool] = Remembered(
            limits.STORE_CACHE_MAX, limits.STORE_CACHE_S
        )
        self._menus: Remembered[tuple[OrganizationId, VenueId, str], MenuIndex] = Remembered(
            limits.MENU_CACHE_MAX, limits.MENU_CACHE_S
        )
        self._menus_beside: Remembered[tuple[OrganizationId, VenueId, str], MenuIndex] = Remembered(
            limits.MENUS_BESIDE_MAX, limits.MENU_CACHE_S
        )
        self._books: Remembered[tuple[OrganizationId, VenueId, str], PriceBook] = Remembered(
            limits.PRICE_BOOK_CACHE_MAX, limits.MENU_CACHE_S
        )
        self._written_menus: Remembered[tuple[OrganizationId, VenueId, Facts], WrittenMenu] = Remembered(
            limits.WRITTEN_MENU_CACHE_MAX, limits.MENU_CACHE_S
        )
        self._writing = asyncio.Lock()
        self._here = MenuJudge(limits.MENU_PRODUCTS_REMEMBERED_HERE_MAX)
        self._apart = JudgeApart()
        self._judging = asyncio.Lock()
        self._looks_apart = JudgeApart()  # another process: no order waits for somebody who turns pages
        self._looking = asyncio.Lock()
        self._indexing = asyncio.Lock()
        self._booking = asyncio.Lock()
        # What was ordered a moment ago: the worker of this process need not read it again.
        self.contents: Remembered[OrderId, tuple[OrderContent, str]] = Remembered(
            limits.CONTENT_CACHE_MAX, limits.CONTENT_CACHE_S
        )
        self.readiness = Readiness(self)
        self._chance = Chance()
        self._wakers: list[Callable[[str], None]] = []
        self._batchers: dict[Callable[..., Any], Batcher[Any, Any]] = {}

    @property
    def _passes(self) -> tuple[Passes[Any], ...]:
        return self.tokens, self.keys, self.applications

    def connection(self, within_s: float | None = None) -> AbstractAsyncContextManager[Any]:
        """A connection of the pool, for one use case; `within_s`: for one that may take longer than the others.

        Raises one of UNREACHABLE, also when none comes free.
        """
        return self._lender.lend(self.pool, within_s)

    async def listen(self, waker: Callable[[str], None]) -> None:
        """Call `waker` with the kind of work whenever any process announces some, until the connection breaks or is
        silent. Raises one of UNREACHABLE.

        On a connection of its own: one that a pooler shares out cannot listen.
        """
        connection = await self.connect_apart()
        try:
            await connection.add_listener(WORK_CHANNEL, lambda *said: waker(str(said[3])))
            await until_silent(connection, limits.WORK_PING_S)
        finally:
            connection.terminate()

    async def connect_apart(self) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection outside of the pool, to listen on; whoever asked for it ends it."""
        return await connect(self._direct_dsn)

    def hears_revocations(self, now: bool) -> None:
        """Whether this process hears from now on which tokens and keys are revoked."""
        for passes in self._passes:
            passes.hears(now)

    def forget(self, word: str) -> None:
        """A token or a key was revoked (its hash in hex), or what its holder may do has changed (its id)."""
        for passes in self._passes:
            passes.forget(word)

    async def now(self) -> datetime:
        """Business time: the database's clock and its offset."""
        async with self.connection() as connection:
            now: datetime = await connection.fetchval("SELECT business_now()")
        return now

    def new_id(self, prefix: str, at: datetime) -> str:
        return make_id(prefix, at, self._chance.take(10))

    def chance(self) -> float:
        """In [0, 1), for jitter."""
        return self._chance.fraction()

    async def store(self, venue_id: VenueId) -> Store | None:
        """A store with its settings, at most STORE_CACHE_S old."""
        known = self._stores.get(venue_id)
        if known is not None:
            return known
        async with self.connection() as connection:
            found = await stores.find_store(connection, venue_id, self.sealer)
        return self._stores.put(venue_id, found) if found else None

    async def singular_point(self, singular_point_id: SingularPointId) -> SingularPoint | None:
        """Where orders are placed to, at most STORE_CACHE_S old; None for one that was removed."""
        known = self._points.get(singular_point_id)
        if known is not None:
            return known
        async with self.connection() as connection:
            found = await singular_points.find(connection, singular_point_id)
        return self._points.put(singular_point_id, found) if found else None

    async def is_connected(self, channel: MarketplaceId, store: Store) -> bool:
        """Whether a channel may order at a store, as it was STORE_CACHE_S ago at the longest."""
        key = (store.organization_id, store.venue_id, channel)
        if self._connected.get(key):
            return True
        async with self.connection() as connection:
            connected = await connections.is_connected(connection, *key)
        return connected and self._connected.put(key, True)

    async def _stored_menu(self, store: Store, version: str) -> menus.Document:
        async with self.connection(limits.LONG_STATEMENT_S) as connection:
            stored = await menus.read_document(connection, store.organization_id, store.venue_id, version)
        assert stored is not None, f"menu {version} of {store.venue_id} is gone"
        return stored

    async def menu_beside(self, store: Store, version: str) -> MenuIndex | None:
        """The index of a version for who reads an old order: it takes no place from those that orders need. None: the
        menu is long, and nobody orders from it now.
        """
        key = (store.organization_id, store.venue_id, version)
        known = self._menus.get(key) or self._menus_beside.get(key)
        if known is not None:
            return known
        stored = await self._stored_menu(store, version)
        if await asyncio.to_thread(_is_long, stored):
            return None
        return self._menus_beside.put(key, await asyncio.to_thread(index_document, stored, version))

    async def menu(self, store: Store, version: str) -> MenuIndex:
        """The index of one menu version, decoded off the event loop and kept."""
        key = (store.organization_id, store.venue_id, version)
        known = self._menus.get(key)
        if known is not None:
            return known
        stored = await self._stored_menu(store, version)
        name = _judged_as(store)
        if len(stored.packed) < limits.MENU_APART_PACKED_BYTES_MIN:
            return self._menus.put(key, await asyncio.to_thread(index_document, stored, version))
        async with self._indexing:  # many orders may come at once for a menu that this process does not know yet
            known = self._menus.get(key)
            return known or self._menus.put(key, await asyncio.to_thread(self._apart.index, name, version, stored))

    async def price_book(self, store: Store, version: str) -> PriceBook:
        """What carts are filled from, of one menu version, made off the event loop and kept."""
        key = (store.organization_id, store.venue_id, version)
        known = self._books.get(key)
        if known is not None:
            return known
        async with self._booking:  # many carts may come at once for a menu that this process does not know yet
            known = self._books.get(key)
            if known is not None:
                return known
            stored = await self._stored_menu(store, version)
            apart = len(stored.packed) >= limits.MENU_APART_PACKED_BYTES_MIN
            make = self._apart.price_book if apart else price_document
            return self._books.put(key, await asyncio.to_thread(make, stored, version))

    async def link_menu(self, store: Store, version: str, kept_at: datetime) -> WrittenMenu:
        """What marketplaces get of one menu version."""
        return await self.written_menu(store, MenuFacts(store.venue_id, version, store.currency, kept_at))

    async def written_menu(self, store: Store, facts: Facts) -> WrittenMenu:
        """What channels get of one menu version, written off the event loop and kept."""
        key = (store.organization_id, store.venue_id, facts)
        known = self._written_menus.get(key)
        if known is not None:
            return known
        async with self._writing:  # many may come at once for a menu that has just been published
            known = self._written_menus.get(key)
            if known is not None:
                return known
            stored = await self._stored_menu(store, facts.version)
            apart = len(stored.packed) >= limits.MENU_APART_PACKED_BYTES_MIN
            write = self._apart.write_menu if apart else write_menu
            return self._written_menus.put(key, await asyncio.to_thread(write, stored, facts))

    async def judge_menu(self, store: Store, body: bytes, version: str | None) -> Verdict:
        """Judge a menu that came, against the version in use; off the event loop, a long one in another process."""
        name, apart = _judged_as(store), len(body) >= limits.MENU_APART_BYTES_MIN
        async with self._judging:
            known = self._apart.remembers if apart else self._here.remembers
            document = None
            if version is not None and not known(name, version):
                document = await self._stored_menu(store, version)
            if apart:
                has = self._menus.get((store.organization_id, store.venue_id, version)) if version else None
                return await asyncio.to_thread(self._apart.judge, name, body, store.location_id, version, document, has)
            before = (version, document) if version is not None else None
            return await asyncio.to_thread(self._here.judge, name, body, store.location_id, before)

    async def look_into(self, store: Store, look: Look, versions: Sequence[tuple[str, menus.Document]]) -> object:
        """What a look at some of a store's menu versions shows; off the event loop, at long ones in another process."""
        named = [(f"{_judged_as(store)}/{version}", document) for version, document in versions]
        if not await asyncio.to_thread(lambda: any(_is_long(document) for _, document in named)):
            return await asyncio.to_thread(lambda: look.at([read_document(document) for _, document in named]))
        async with self._looking:
            return await asyncio.to_thread(self._looks_apart.look, look, named)

    def batcher(
        self, work: Callable[["Hub", Sequence[W]], Awaitable[Sequence[R | Exception]]], about: Callable[[W], Hashable]
    ) -> Batcher[W, R]:
        """The one batcher of a kind of wish in this process: `work` carries out, `about` tells wishes apart."""
        if work not in self._batchers:
            self._batchers[work] = Batcher(partial(work, self), about)
        return self._batchers[work]

    def waiting(self) -> dict[str, int]:
        """How many wishes wait for their batch, by what it does."""
        return {work.__name__.strip("_"): batcher.waiting for work, batcher in self._batchers.items()}

    async def close(self) -> None:
        """End what this process has started."""
        await asyncio.to_thread(self._apart.close)
        await asyncio.to_thread(self._looks_apart.close)

    def know_menu(self, store: Store, index: MenuIndex) -> None:
        """This process has just kept it."""
        self._menus.put((store.organization_id, store.venue_id, index.version), index)

    def forget_store(self, store: Store) -> None:
        """This process has just changed it."""
        self._stores.forget(store.venue_id)

    def forget_stores_of(self, organization_id: OrganizationId) -> None:
        """This process has just changed what holds for all of them."""
        self._stores.forget_where(lambda store: store.organization_id == organization_id)

    def forget_point(self, point: SingularPoint) -> None:
        """This process has just removed it."""
        self._points.forget(point.singular_point_id)

    def on_work(self, waker: Callable[[str], None]) -> None:
        """Have `waker` called with the kind of work whenever this process writes some that is due."""
        self._wakers.append(waker)

    def wake(self, kind: str = ANY_WORK) -> None:
        for waker in self._wakers:
            waker(kind)


def _is_long(document: menus.Document) -> bool:
    """Whether reading it would hold the interpreter up; what repeats itself a thousand times is packed small."""
    packed_long = len(document.packed) >= limits.MENU_APART_PACKED_BYTES_MIN
    return packed_long or len(document.unpacked) >= limits.MENU_APART_BYTES_MIN


def _judged_as(store: Store) -> str:
    """A store's name where menus are judged."""
    return f"{store.organization_id}/{store.venue_id}"
