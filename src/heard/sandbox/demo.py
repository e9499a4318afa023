"""The demo's house: a hub, a POS, a marketplace and a loyalty program in one process, talking the real protocols over
real sockets.
"""

import asyncio
import json
import os
import random
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import structlog

from heard import limits
from heard.bootstrap import House, StartError, open_house, serve_hub
from heard.clients.ordering import OrderingClient
from heard.config import Config
from heard.connectors.contract import MenuUnavailable
from heard.domain.ids import (
    ExternalOrderId,
    LocationId,
    MarketplaceId,
    OrganizationId,
    SingularPointId,
    VenueId,
    uuid_of,
)
from heard.domain.menu.model import Menu
from heard.domain.order.content import OrderContent
from heard.domain.order.model import ReasonCode
from heard.domain.order_types import OrderType
from heard.domain.payments import ProviderKind
from heard.domain.pos import PosCancel, PosOrder
from heard.domain.refusals import Refused
from heard.domain.stores import PosConnection, Store, StoreRules
from heard.engine.add_parties import add_application, add_marketplace, add_store, connect_store, move_parties
from heard.engine.judge_menu import read_document
from heard.engine.keep_menu import MenuRefused
from heard.engine.payment_provider import set_provider
from heard.engine.singular_points import add_point, points_of
from heard.net.listening import listening
from heard.net.serving import serve
from heard.protocols.posnext.encode import encode_menu
from heard.protocols.posnext.menus import decode_menu
from heard.sandbox.last_week import as_it_was
from heard.sandbox.ledger import Ledger, loyalty_ledger, marketplace_ledger, pos_ledger
from heard.sandbox.loyalty import SandboxLoyalty, Wish, random_wish, register_webhook
from heard.sandbox.marketplace import HubUnreachable, SandboxMarketplace
from heard.sandbox.orders import random_order
from heard.sandbox.pos import CancelMood, Mood, SandboxPos
from heard.sandbox.timeline import Channels
from heard.storage import menus
from heard.work.menus import import_menu, pull_menu

log = structlog.get_logger()

MARKETPLACE = "Nosh"
LOYALTY = "Crumbs"
_LOYALTY_EVERY = 3  # orders
_WISHES_MAX = 100  # that wait for the program to bring them to the hub
_RESEND_S = 1.0
_CALLED_OFF = "X"  # how the number of an order ends whose guest calls it off as soon as it is confirmed
_CALLED_OFF_EVERY, _CALLED_OFF_FIRST = 60, 2  # orders
_SERVED = (OrderType.DINE_IN_PICKUP, OrderType.TAKEOUT, OrderType.DELIVERY)
_LOOPBACK = "127.0.0.0/8"
# Of a hundred orders: refused, 202, placed without an answer, lost on the way. The rest go well.
_MOODS = ((8, Mood.REFUSE), (14, Mood.SLOW), (4, Mood.SILENT), (4, Mood.DEAF))


@dataclass(slots=True)
class Parties:
    """Who takes part, kept in the demo's folder from the first start on. Readable by its owner alone."""

    organization_id: OrganizationId = OrganizationId("")
    venue_id: VenueId = VenueId("")
    client_id: MarketplaceId = MarketplaceId("")
    client_secret: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    shared_id: str = field(default="", repr=False)
    hub_port: int = 0
    pos_port: int = 0
    marketplace_port: int = 0
    application_id: MarketplaceId = MarketplaceId("")
    application_key: str = ""
    application_secret: str = field(default="", repr=False)
    application_webhook_secret: str = field(default="", repr=False)
    singular_point_id: SingularPointId = SingularPointId("")
    loyalty_port: int = 0


@dataclass(frozen=True, slots=True)
class RemotePos:
    """A POS that runs already, and by which of PAR's ids it knows its location."""

    connection: PosConnection
    organization_id: OrganizationId
    location_id: LocationId


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo. `own_pos`: its POS is one of ours."""

    house: House
    pos_url: str
    marketplace: SandboxMarketplace
    loyalty: SandboxLoyalty
    parties: Parties
    menu: Menu
    hub_url: str
    own_pos: bool

    @property
    def channels(self) -> Channels:
        """Who sends the orders here."""
        application_id = self.parties.application_id
        names = {self.parties.client_id: MARKETPLACE, application_id: LOYALTY}
        return Channels(names, frozenset({application_id}))

    def next_order(self, *, called_off: bool = False) -> OrderContent:
        """An order nobody has placed before. `called_off`: its guest changes their mind as soon as it is confirmed."""
        number = _number("NOSH")
        if called_off:
            number = number[:-1] + _CALLED_OFF
        external_id = ExternalOrderId(number)
        return random_order(self.menu, self.parties.venue_id, external_id, datetime.now(UTC), random.SystemRandom())

    def next_wish(self) -> Wish:
        """What a guest of the loyalty program wishes, which nobody has before."""
        point_id = uuid_of(self.parties.singular_point_id)
        return random_wish(self.menu, point_id, _number("CRUMBS"), random.SystemRandom())

    async def place(self, every_s: float) -> None:
        """Place an order every so many seconds, and send again what was not answered. Runs for ever.

        Every third comes from the loyalty program. It waits for its payment, and nobody else for it.
        The guest of the second, and then of one in sixty, changes their mind: there is something to mend.
        """
        wishes: asyncio.Queue[Wish] = asyncio.Queue(_WISHES_MAX)
        granting, placed = asyncio.create_task(self._grant(wishes)), 0
        try:
            while True:
                begun, placed = time.monotonic(), placed + 1
                if placed % _LOYALTY_EVERY == 0:
                    await wishes.put(self.next_wish())
                else:
                    regretted = placed % _CALLED_OFF_EVERY == _CALLED_OFF_FIRST
                    await self._place_one(called_off=regretted and self.own_pos)
                await asyncio.sleep(max(0.0, every_s - (time.monotonic() - begun)))
        finally:
            granting.cancel()
            await asyncio.gather(granting, return_exceptions=True)

    async def _place_one(self, *, called_off: bool) -> None:
        try:
            await self.marketplace.resend()
            await self.marketplace.send(self.next_order(called_off=called_off))
        except HubUnreachable as error:
            log.warning("the order will be sent again", why=str(error))

    async def _grant(self, wishes: "asyncio.Queue[Wish]") -> None:
        """Bring wishes to the hub, first those of an earlier start that were not answered. Runs for ever."""
        while True:
            try:
                await self.loyalty.resend()
            except HubUnreachable as error:
                log.warning("the order will be sent again", why=str(error))
                await asyncio.sleep(_RESEND_S)
                continue
            self.loyalty.keep(await wishes.get())


def _number(prefix: str) -> str:
    return f"{prefix}-{time.time_ns() // 1_000_000:X}-{secrets.token_hex(2).upper()}"


def demo_menu() -> Menu:
    """The menu of the demo's restaurant."""
    return decode_menu(resources.files("heard.sandbox").joinpath("menu.json").read_bytes())


def is_called_off(number: str) -> bool:
    """Whether the guest of the order with this number changes their mind; other parties' numbers say nothing of it."""
    return number.endswith(_CALLED_OFF)


def every_road(order: PosOrder) -> Mood:
    """A mood by the order's own number, so that a restart does not change it. What is called off goes well before."""
    if any(is_called_off(one.reference or "") for one in order.payments):
        return Mood.WELL
    lot = random.Random(order.online_order_id).randrange(100)
    for share, mood in _MOODS:
        if lot < share:
            return mood
        lot -= share
    return Mood.WELL


def locked_at_first(cancel: PosCancel) -> CancelMood:
    """For what a guest calls off the till is locked: somebody has to ask again. It takes back what the staff cancel."""
    return CancelMood.LOCKED if cancel.reason == ReasonCode.CANCELLED_BY_GUEST else CancelMood.WELL


@asynccontextmanager
async def open_demo(
    config: Config, folder: Path, mood: Callable[[PosOrder], Mood], remote: RemotePos | None = None
) -> AsyncIterator[Demo]:
    """Start all parties; on leaving, stop them all. A second start goes on with what the first left behind.

    With `remote`, that POS instead of one of ours. Raises StartError when it gives no menu.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = config.with_values(data__folder=str(folder), database__url="", outbound__allow=_LOOPBACK)
    config = config.with_values(work__lease_s="5")
    parties = _load(folder)
    with _bound(parties) as sockets:
        hub_url, pos_url, webhook_url, loyalty_url = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in sockets)
        async with open_house(config, public_url=hub_url) as house:
            parties.shared_id = parties.shared_id or secrets.token_urlsafe(24)
            line = remote.connection if remote else PosConnection(pos_url, parties.shared_id)
            await _introduce(house, parties, line, webhook_url + "/webhooks", remote)
            _save(folder, parties)
            await _introduce_loyalty(house, parties, line, loyalty_url + "/webhooks")
            _save(folder, parties)
            own = _OwnPos(line, folder, house, mood) if remote is None else None
            marketplace = SandboxMarketplace(
                hub_url,
                parties.client_id,
                parties.client_secret,
                parties.webhook_secret,
                marketplace_ledger(folder / "marketplace.sqlite"),
                house.outbound,
            )
            marketplace.is_called_off = is_called_off
            running = [
                asyncio.create_task(serve_hub(house, sockets[0])),
                asyncio.create_task(serve(marketplace.app, sockets[2])),
                asyncio.create_task(marketplace.call_off()),
                asyncio.create_task(house.worker().run()),
                *(own.running(sockets[1]) if own else ()),
            ]
            program = loyalty_ledger(folder / "loyalty.sqlite")
            try:
                loyalty = await _open_loyalty(house, folder, parties, hub_url, loyalty_url + "/webhooks", program)
                running.append(asyncio.create_task(serve(loyalty.app, sockets[3])))
                menu = await _pull_menu(house, parties.venue_id)
                yield Demo(house, line.url, marketplace, loyalty, parties, menu, hub_url, own is not None)
            finally:
                if own:
                    own.pos.close()
                for task in reversed(running):
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
                if own:
                    own.pos.ledger.close()
                marketplace.ledger.close()
                program.close()


class _OwnPos:
    """The demo's own POS and its kitchen."""

    def __init__(self, line: PosConnection, folder: Path, house: House, mood: Callable[[PosOrder], Mood]) -> None:
        ledger = pos_ledger(folder / "pos.sqlite")
        self.pos = SandboxPos(line, demo_menu(), ledger, house.outbound, mood, cancel_mood=locked_at_first)

    def running(self, bound: socket.socket) -> tuple[asyncio.Task[None], ...]:
        return asyncio.create_task(serve(self.pos.app, bound)), asyncio.create_task(self.pos.cook())


async def _pull_menu(house: House, venue_id: VenueId) -> Menu:
    """The store's menu, fetched now. Raises StartError."""
    store = await house.hub.store(venue_id)
    assert store is not None  # _introduce has seen to it
    try:
        kept = await pull_menu(house.hub, house.outbound, store)
    except (MenuUnavailable, MenuRefused, Refused) as error:
        raise StartError(f"the POS at {store.line.url}: {error}") from None
    async with house.hub.connection(limits.LONG_STATEMENT_S) as connection:
        stored = await menus.read_document(connection, store.organization_id, venue_id, kept.version)
    assert stored is not None  # it has just been kept
    return read_document(stored)


async def _introduce(
    house: House, parties: Parties, pos: PosConnection, webhook_url: str, remote: RemotePos | None
) -> None:
    """Make the parties known to the hub at the first start; later, only how they are reached now."""
    hub = house.hub
    if parties.venue_id and await hub.store(parties.venue_id):
        await move_parties(hub, parties.venue_id, pos, parties.client_id, webhook_url)
        return
    now = await hub.now()
    # New at each try: an earlier one may have died here. A POS of somebody else's knows us by the name it was given.
    parties.organization_id = remote.organization_id if remote else OrganizationId(f"demo-{secrets.token_hex(3)}")
    parties.venue_id = VenueId(hub.new_id("ven", now))
    store = await add_store(
        hub,
        Store(
            organization_id=parties.organization_id,
            venue_id=parties.venue_id,
            location_id=remote.location_id if remote else LocationId(demo_menu().location_id),
            name="Your POS" if remote else "The Copper Ladle",
            currency="USD",
            timezone="America/New_York",
            pos=pos,
            rules=StoreRules(),
        ),
    )
    if remote is None:
        await import_menu(hub, store, encode_menu(as_it_was(demo_menu())))
    made = await add_marketplace(hub, parties.organization_id, MARKETPLACE, webhook_url, now)
    parties.client_id, parties.client_secret = made.marketplace_id, made.client_secret
    parties.webhook_secret = made.webhook_secret
    await connect_store(hub, parties.venue_id, made.marketplace_id)


async def _introduce_loyalty(house: House, parties: Parties, pos: PosConnection, webhook_url: str) -> None:
    """Make the loyalty program known, where it may order and who holds its guests' money; later, where it is now."""
    hub = house.hub
    if parties.application_id:
        await move_parties(hub, parties.venue_id, pos, parties.application_id, webhook_url)
        return
    store = await hub.store(parties.venue_id)
    assert store is not None  # _introduce has seen to it
    points = await points_of(hub, store)
    point = points[0] if points else await add_point(hub, store, "Counter", _SERVED)
    try:
        made = await add_application(hub, parties.organization_id, LOYALTY)
    except Refused:  # an earlier try has died here, and its secret with it
        made = await add_application(hub, parties.organization_id, f"{LOYALTY}-{secrets.token_hex(2)}")
    await connect_store(hub, parties.venue_id, made.application_id)
    await set_provider(hub, parties.organization_id, ProviderKind.TEST, None, None)
    parties.singular_point_id = point.singular_point_id
    parties.application_id, parties.application_key = made.application_id, made.application_key
    parties.application_secret = made.client_secret


async def _open_loyalty(
    house: House, folder: Path, parties: Parties, hub_url: str, webhook_url: str, ledger: Ledger
) -> SandboxLoyalty:
    """The loyalty program. It registers its webhook by itself, once."""
    # What is not answered stays in the ledger and is sent again from there.
    client = OrderingClient(
        hub_url,
        parties.application_key,
        parties.application_id,
        parties.application_secret,
        outbound=house.outbound,
        retry=False,
    )
    if not parties.application_webhook_secret:
        parties.application_webhook_secret = await register_webhook(client, webhook_url)
        _save(folder, parties)
    return SandboxLoyalty(client, parties.application_webhook_secret, ledger)


def _load(folder: Path) -> Parties:
    path = folder / "parties.json"
    return Parties(**json.loads(path.read_text("utf-8"))) if path.exists() else Parties()


def _save(folder: Path, parties: Parties) -> None:
    path = folder / "parties.json"
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(parties), file, indent=2)
    draft.replace(path)


@contextmanager
def _bound(parties: Parties) -> Iterator[list[socket.socket]]:
    """Sockets for hub, POS, marketplace and loyalty program: the ports of the last start where they are still free."""
    with ExitStack() as stack:
        wanted = (parties.hub_port, parties.pos_port, parties.marketplace_port, parties.loyalty_port)
        bound = [stack.enter_context(_port(one)) for one in wanted]
        ports = [one.getsockname()[1] for one in bound]
        parties.hub_port, parties.pos_port, parties.marketplace_port, parties.loyalty_port = ports
        yield bound


@contextmanager
def _port(wanted: int) -> Iterator[socket.socket]:
    free = wanted if wanted and _is_free(wanted) else 0
    with listening("127.0.0.1", free) as bound:
        yield bound


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
