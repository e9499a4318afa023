"""`heard stores`: which restaurants there are, who may send them orders, and whether they take any."""

from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from cyclopts import App

from heard import limits
from heard.cli import store_rules
from heard.cli.arguments import ApiJson, Json, Marketplace, Page, Venue, whole
from heard.cli.office import office
from heard.cli.output import console, fail, money, print_head, print_json, print_rows, row_of, when
from heard.cli.running import house, read_shared_id, run
from heard.cli.store_rules import rounded, served
from heard.clients.admin import PauseRequest, wire
from heard.clients.admin import operations as call
from heard.domain.ids import LocationId, OrganizationId, VenueId
from heard.domain.money import MAX_CENTS, Cents, MoneyError
from heard.domain.money import currency as known_currency
from heard.domain.order.model import Party
from heard.domain.stores import Amounts, ConnectorKind, PosConnection, PriceCheck, SignatureScheme, Store, StoreRules
from heard.engine.add_parties import add_store
from heard.protocols.addresses import is_web_address
from heard.protocols.admin.operation import Operation

Minutes = Annotated[int, whole(1, limits.PAUSE_MINUTES_MAX)]

app = App(name="stores", help="Restaurants: add one, list them, connect a marketplace, pause one, change its rules.")


@app.command
def add(
    *,
    organization: str,
    location: str,
    connector: ConnectorKind = ConnectorKind.POSNEXT,
    pos_url: str | None = None,
    shared_id_env: str | None = None,
    name: str | None = None,
    amounts: Amounts = Amounts.MINOR,
    signature: SignatureScheme = SignatureScheme.DIGEST,
    currency: str = "USD",
    timezone: str = "UTC",
    accept_within_s: Annotated[int, whole(10, 86_400)] = 660,
    prep_time_min: Annotated[int, whole(0, 1_440)] = 15,
    validate_first: bool = True,
    total_tolerance: Annotated[int, whole(0, MAX_CENTS)] = 0,
    menu_every_min: Annotated[int, whole(1, 1_440)] = 15,
    price_check: PriceCheck = PriceCheck.REFUSE,
    prices_include_tax: bool = False,
    sandbox: bool = False,
    json: Json = False,
) -> None:
    """Add a store with its POS connection, or one that its staff run by hand; prints its venue_id, as channels know it.

    The SharedId is read from the environment variable that --shared-id-env names, or asked for: never given as an
    argument, where other users of the machine could see it.

    For example:

        heard stores add --organization acme --location 0042 --pos-url https://pos.example --shared-id-env ACME_ID
        heard stores add --organization acme --location 0043 --connector manual

    Parameters
    ----------
    organization
        The brand's id, as the POS knows it.
    location
        The store's id, as the POS knows it.
    connector
        posnext: the POS takes the orders. manual: the store has no POS, staff accept by hand (`heard orders accept`).
    pos_url
        Where the POS serves posnext, without /posnext: https://pos.example. Not for a manual store.
    shared_id_env
        The environment variable that holds the SharedId (at least 10 characters).
    name
        What people call the store; the location if none is given.
    amounts
        How the POS writes order amounts: whole cents (minor) or decimals (decimal).
    signature
        How messages are signed: the documented digest, or HMAC over the body.
    currency
        ISO 4217 code.
    timezone
        The store's time zone, such as America/New_York.
    accept_within_s
        Seconds the store has to accept an order.
    prep_time_min
        Minutes a meal takes when the POS does not say.
    validate_first
        Ask the POS to validate before it is asked to place.
    total_tolerance
        Cents the POS's total may differ from the guest's before staff are told.
    menu_every_min
        Minutes between two fetches of the menu by a running worker.
    price_check
        What becomes of an order with other prices than the menu's: accept (and show them) or refuse.
    prices_include_tax
        The menu's prices have the tax in them.
    sandbox
        The store is for trying out: developers may edit recorded orders and send them to it (`heard orders try`).
    json
        Print one JSON document.

    """
    try:
        known_currency(currency)
    except MoneyError as error:
        raise fail(f"--currency: {error}") from None
    if timezone not in available_timezones():
        raise fail(f"--timezone: {timezone!r} is not a time zone such as America/New_York")
    pos: PosConnection | None = None
    if connector is ConnectorKind.POSNEXT:
        pos = PosConnection(_pos_address(pos_url), read_shared_id(shared_id_env), amounts, signature)
    elif pos_url is not None or shared_id_env is not None:
        raise fail(f"--connector manual: the store has no POS, so it takes no {_taken_by_pos(pos_url)}")
    rules = StoreRules(
        accept_within_s=accept_within_s,
        prep_time_min=prep_time_min,
        validate_first=validate_first,
        total_tolerance=Cents(total_tolerance),
        menu_every_min=menu_every_min,
        price_check=price_check,
        prices_include_tax=prices_include_tax,
        sandbox=sandbox,
    )
    run(_add(organization, location, name or location, currency, str(ZoneInfo(timezone)), pos, rules, json))


@app.command(name="list")
def list_(*, limit: Page = 100, after: str | None = None, json: ApiJson = False) -> None:
    """List the stores with their menus and marketplaces, whether they are paused, and how their POS is.

    For example:

        heard stores list --json

    Parameters
    ----------
    after
        The `next` of the page before this one: the venue_id of its last store.
    """
    run(_list(limit, after, json))


@app.command
def connect(venue: Venue, marketplace: Marketplace, *, json: ApiJson = False) -> None:
    """Let a marketplace send orders to a store.

    For example:

        heard stores connect ven_01kdvp1e000000000000000000 nosh
    """
    run(connected(call.CONNECT_STORE, venue, marketplace, json))


def _taken_by_pos(pos_url: str | None) -> str:
    return "--pos-url" if pos_url is not None else "--shared-id-env"


def _pos_address(url: str | None) -> str:
    if url is None:
        raise fail("--pos-url: say where the POS is, or that there is none with --connector manual")
    if not is_web_address(url):
        raise fail(f"--pos-url: {url!r} is not an address such as https://pos.example")
    parts = urlsplit(url)
    if parts.path.rstrip("/").endswith("/posnext") or parts.query or parts.fragment:
        raise fail(f"--pos-url: {url!r} must end before /posnext, without ? or #")
    return url


@app.command
def disconnect(venue: Venue, marketplace: Marketplace, *, json: ApiJson = False) -> None:
    """Take no more new orders from a marketplace for a store. Those it has sent go on, and it is told of them.

    For example:

        heard stores disconnect ven_01kdvp1e000000000000000000 nosh
    """
    run(connected(call.DISCONNECT_STORE, venue, marketplace, json))


@app.command
def pause(venue: Venue, *, reason: str, minutes: Minutes | None = None, json: ApiJson = False) -> None:
    """Keep a store from taking orders, for so long or until it is resumed; marketplaces are told.

    A second pause takes the place of the first. Those that marketplaces or the hub hold are their own.

    For example:

        heard stores pause ven_01kdvp1e000000000000000000 --reason "water in the kitchen" --minutes 90

    Parameters
    ----------
    reason
        Why; marketplaces read it.
    minutes
        So long at most; a running worker lifts it then.
    """
    if not reason.strip() or len(reason) > limits.REASON_MAX:
        raise fail(f"--reason: say why, in 1 to {limits.REASON_MAX} characters")
    run(_pause(venue, PauseRequest(reason=reason, duration_minutes=minutes), json))


@app.command
def resume(venue: Venue, *, json: ApiJson = False) -> None:
    """Lift the staff's own pause. The store takes orders again when nobody else holds one.

    For example:

        heard stores resume ven_01kdvp1e000000000000000000
    """
    run(_resume(venue, json))


@app.command
def show(venue: Venue, *, json: ApiJson = False) -> None:
    """Show one store: its marketplaces, its menu, its pauses, its POS and its rules.

    For example:

        heard stores show ven_01kdvp1e000000000000000000
    """
    run(_show(venue, json))


@app.command(name="set")
def set_(
    venue: Venue,
    *,
    price_check: PriceCheck | None = None,
    accept_within_s: Annotated[int, whole(10, 86_400)] | None = None,
    prep_time_min: Annotated[int, whole(0, limits.PREP_TIME_MIN_MAX)] | None = None,
    validate_first: bool | None = None,
    total_tolerance: Annotated[int, whole(0, MAX_CENTS)] | None = None,
    menu_every_min: Annotated[int, whole(1, 1_440)] | None = None,
    prices_include_tax: bool | None = None,
    sandbox: bool | None = None,
    json: ApiJson = False,
) -> None:
    """Change a store's rules; what is not named stays. A running hub sees it within seconds.

    For example:

        heard stores set ven_01kdvp1e000000000000000000 --price-check accept --prep-time-min 25

    Parameters
    ----------
    price_check
        What becomes of an order with other prices than the menu's: accept (and show them) or refuse.
    accept_within_s
        Seconds the store has to accept an order.
    prep_time_min
        Minutes a meal takes when the POS does not say.
    validate_first
        Ask the POS to validate before it is asked to place.
    total_tolerance
        Cents the POS's total may differ from the guest's before staff are told.
    menu_every_min
        Minutes between two fetches of the menu by a running worker.
    prices_include_tax
        The menu's prices have the tax in them.
    sandbox
        The store is for trying out: developers may edit recorded orders and send them to it (`heard orders try`).
    """
    changes = wire.SetRules(
        price_check=price_check,
        accept_within_s=accept_within_s,
        prep_time_min=prep_time_min,
        validate_first=validate_first,
        total_tolerance=total_tolerance,
        menu_every_min=menu_every_min,
        prices_include_tax=prices_include_tax,
        sandbox=sandbox,
    )
    if changes == wire.SetRules():
        raise fail("stores set: name what is to change, such as --price-check accept; see `heard stores set --help`")
    run(_set(venue, changes, json))


for command in store_rules.COMMANDS:
    app.command(command)


async def _add(
    organization: str,
    location: str,
    name: str,
    currency: str,
    timezone: str,
    pos: PosConnection | None,
    rules: StoreRules,
    json: bool,
) -> None:
    async with house() as opened:
        venue_id = VenueId(opened.hub.new_id("ven", await opened.hub.now()))
        store = Store(
            organization_id=OrganizationId(organization),
            venue_id=venue_id,
            location_id=LocationId(location),
            name=name,
            currency=currency,
            timezone=timezone,
            pos=pos,
            connector=ConnectorKind.POSNEXT if pos else ConnectorKind.MANUAL,
            rules=rules,
        )
        await add_store(opened.hub, store)
    if json:
        print_json({"venue_id": venue_id, "organization_id": organization, "location_id": location, "name": name})
    else:
        console.print(f"Added the store {name}: {venue_id}")
        console.print(f"Next: heard menus {f'pull {venue_id}' if pos else f'import {venue_id} menu.json'}")


async def _list(limit: int, after: str | None, json: bool) -> None:
    async with office() as hub:
        page = await hub.call(call.LIST_STORES, limit=limit, after=after)
    if json:
        print_json(page)
        return
    rows = [
        {
            **row_of(store),
            "paused": not store.open,
            "sandbox": store.rules.sandbox,
            "menu_at": when(store.menu_fetched_at),
        }
        for store in page.stores
    ]
    columns = {
        "venue_id": "Venue",
        "organization_id": "Organization",
        "location_id": "Location",
        "name": "Name",
        "menu_products": "Products",
        "menu_at": "Menu of (UTC)",
        "marketplaces": "Marketplaces",
        "paused": "Paused",
        "pos": "POS",
        "sandbox": "Sandbox",
    }
    print_rows("Stores", rows, columns, "No stores yet. Add one: heard stores add --help")


async def connected(operation: Operation[wire.ConnectionState], venue_id: str, marketplace: str, json: bool) -> None:
    async with office() as hub:
        state = await hub.call(operation, wire.StoreConnection(marketplace=marketplace), venue_id=venue_id)
    words = ("may now", "could already") if state.connected else ("may no longer", "could not")
    if json:
        print_json(state)
    else:
        console.print(f"{state.marketplace} {words[0] if state.new else words[1]} send orders to {venue_id}.")


async def _pause(venue_id: str, body: PauseRequest, json: bool) -> None:
    async with office() as hub:
        store = await hub.call(call.PAUSE_STORE, body, venue_id=venue_id)
    if json:
        print_json(store)
        return
    own = next((one for one in store.pauses if one.held_by == Party.STAFF), None)
    until = f"until {when(own.until)} UTC" if own and own.until else f"until `heard stores resume {venue_id}`"
    console.print(f"{venue_id} takes no orders {until}.")


async def _resume(venue_id: str, json: bool) -> None:
    async with office() as hub:
        store = await hub.call(call.RESUME_STORE, venue_id=venue_id)
    if json:
        print_json(store)
    elif store.open:
        console.print(f"{venue_id} takes orders.")
    else:
        console.print(f"{venue_id} still takes no orders: {_held(store.pauses)}.")


async def _show(venue_id: str, json: bool) -> None:
    async with office() as hub:
        store = await hub.call(call.READ_STORE, venue_id=venue_id)
    if json:
        print_json(store)
        return
    menu = f"version {store.menu_version}, {store.menu_products} products" if store.menu_version else "none yet"
    rules, published = store.rules, "" if store.menu_published else ", not published"
    off = f", {store.items_off} items off" if store.items_off else ""
    print_head(store.name, f"  {venue_id}")
    for name, text in (
        ("location", f"{store.organization_id} {store.location_id}, {store.currency}, {store.timezone}"),
        ("takes orders", "yes" if store.open else f"no: {_held(store.pauses)}"),
        ("marketplaces", ", ".join(store.marketplaces) or "none; connect one with `heard stores connect`"),
        ("menu", menu + published + off),
        ("POS", f"{store.pos}, {store.pos_url}" if store.pos_url else "none: staff accept by hand"),
        ("prices that differ", f"{rules.price_check}"),
        ("accepts within", f"{rules.accept_within_s} s"),
        ("prep time", f"{rules.prep_time_min} min"),
        ("POS's total", f"may differ by {money(rules.total_tolerance, store.currency)}"),
        ("menu fetched", f"every {rules.menu_every_min} min"),
        ("prices", "with the tax in them" if rules.prices_include_tax else "without tax"),
        ("taxes", f"rounded {rounded(store.taxes)}"),
        ("serves", "; ".join(map(served, store.serving_times)) or "at any hour"),
        ("sandbox", "yes: edited orders may be tried out here" if rules.sandbox else "no"),
    ):
        console.print(f"  {name:<19}{text}")


async def _set(venue_id: str, changes: wire.SetRules, json: bool) -> None:
    async with office() as hub:
        store = await hub.call(call.SET_RULES, changes, venue_id=venue_id)
    if json:
        print_json(store)
    else:
        named = [name for name, value in row_of(changes).items() if value is not None]
        console.print(f"Changed {', '.join(named)} of {venue_id}.")


def _held(held: list[wire.StorePause]) -> str:
    """Who holds a store, and why, for people."""
    return "; ".join(
        f"paused by {one.held_by} ({one.reason})" + (f" until {when(one.until)} UTC" if one.until else "")
        for one in held
    )
