"""`heard stores`: which restaurants there are, who may send them orders, and whether they take any."""

from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from cyclopts import App, Parameter, validators

from heard import limits
from heard.cli.arguments import Json, Page, is_web_address
from heard.cli.output import console, fail, money, print_json, print_rows, when
from heard.cli.running import house, known_store, read_shared_id, run
from heard.domain.ids import LocationId, OrganizationId, VenueId
from heard.domain.money import Cents, MoneyError
from heard.domain.money import currency as known_currency
from heard.domain.order.model import Party
from heard.domain.stores import (
    Amounts,
    ConnectorKind,
    Pause,
    PosConnection,
    PriceCheck,
    SignatureScheme,
    Store,
    StoreRules,
)
from heard.engine.add_parties import add_store, connect_store
from heard.engine.disconnect_store import disconnect_store
from heard.engine.pause_store import pause_store, resume_store
from heard.engine.set_rules import set_rules
from heard.storage import pauses, stores

Minutes = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=limits.PAUSE_MINUTES_MAX))]

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
    accept_within_s: Annotated[int, Parameter(validator=validators.Number(gte=10, lte=86_400))] = 660,
    prep_time_min: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=1_440))] = 15,
    validate_first: bool = True,
    total_tolerance: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0,
    menu_every_min: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1_440))] = 15,
    price_check: PriceCheck = PriceCheck.REFUSE,
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
        accept_within_s, prep_time_min, validate_first, Cents(total_tolerance), menu_every_min, price_check
    )
    run(_add(organization, location, name or location, currency, str(ZoneInfo(timezone)), pos, rules, json))


@app.command(name="list")
def list_(*, limit: Page = 100, after: str = "", json: Json = False) -> None:
    """List the stores with their menus and marketplaces, whether they are paused, and how their POS is.

    For example:

        heard stores list --json

    Parameters
    ----------
    limit
        How many at most.
    after
        The venue_id of the last store of the page before this one.
    json
        Print one JSON document: {"stores": [...], "next": ID or null}.
    """
    run(_list(limit, after, json))


@app.command
def connect(venue: str, marketplace: str, *, json: Json = False) -> None:
    """Let a marketplace send orders to a store.

    Parameters
    ----------
    venue
        The store's venue_id (ven_...).
    marketplace
        The marketplace's name or id (mkt_...).
    json
        Print one JSON document.

    Examples
    --------
    heard stores connect ven_01kdvp1e000000000000000000 nosh
    """
    run(_connect(VenueId(venue), marketplace, json))


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
def disconnect(venue: str, marketplace: str, *, json: Json = False) -> None:
    """Take no more new orders from a marketplace for a store. Those it has sent go on, and it is told of them.

    For example:

        heard stores disconnect ven_01kdvp1e000000000000000000 nosh

    Parameters
    ----------
    venue
        The store's venue_id (ven_...).
    marketplace
        The marketplace's name or id (mkt_...).
    json
        Print one JSON document.
    """
    run(_disconnect(VenueId(venue), marketplace, json))


@app.command
def pause(venue: str, *, reason: str, minutes: Minutes | None = None, json: Json = False) -> None:
    """Keep a store from taking orders, for so long or until it is resumed; marketplaces are told.

    A second pause takes the place of the first. Those that marketplaces or the hub hold are their own.

    For example:

        heard stores pause ven_01kdvp1e000000000000000000 --reason "water in the kitchen" --minutes 90

    Parameters
    ----------
    venue
        The store's venue_id (ven_...).
    reason
        Why; marketplaces read it.
    minutes
        So long at most; a running worker lifts it then.
    json
        Print one JSON document.
    """
    if not reason.strip() or len(reason) > limits.REASON_MAX:
        raise fail(f"--reason: say why, in 1 to {limits.REASON_MAX} characters")
    run(_pause(VenueId(venue), reason, minutes, json))


@app.command
def resume(venue: str, *, json: Json = False) -> None:
    """Lift the staff's own pause. The store takes orders again when nobody else holds one.

    For example:

        heard stores resume ven_01kdvp1e000000000000000000

    Parameters
    ----------
    venue
        The store's venue_id (ven_...).
    json
        Print one JSON document.
    """
    run(_resume(VenueId(venue), json))


@app.command
def show(venue: str, *, json: Json = False) -> None:
    """Show one store: its marketplaces, its menu, its pauses, its POS and its rules.

    For example:

        heard stores show ven_01kdvp1e000000000000000000

    Parameters
    ----------
    venue
        The store's venue_id (ven_...).
    json
        Print one JSON document.
    """
    run(_show(VenueId(venue), json))


@app.command(name="set")
def set_(
    venue: str,
    *,
    price_check: PriceCheck | None = None,
    accept_within_s: Annotated[int | None, Parameter(validator=validators.Number(gte=10, lte=86_400))] = None,
    prep_time_min: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=1_440))] = None,
    validate_first: bool | None = None,
    total_tolerance: Annotated[int | None, Parameter(validator=validators.Number(gte=0))] = None,
    menu_every_min: Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=1_440))] = None,
    json: Json = False,
) -> None:
    """Change a store's rules; what is not named stays. A running hub sees it within seconds.

    For example:

        heard stores set ven_01kdvp1e000000000000000000 --price-check accept --prep-time-min 25

    Parameters
    ----------
    venue
        The store's venue_id (ven_...).
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
    json
        Print the store's rules as one JSON document.
    """
    named = {
        "price_check": price_check,
        "accept_within_s": accept_within_s,
        "prep_time_min": prep_time_min,
        "validate_first": validate_first,
        "total_tolerance": None if total_tolerance is None else Cents(total_tolerance),
        "menu_every_min": menu_every_min,
    }
    changes = {name: value for name, value in named.items() if value is not None}
    if not changes:
        raise fail("stores set: name what is to change, such as --price-check accept; see `heard stores set --help`")
    run(_set(VenueId(venue), changes, json))


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
        console.print(f"Added the store {name}: [bold]{venue_id}[/bold]")
        console.print(f"Next: heard menus {'pull' if pos else 'import'} {venue_id}")


async def _list(limit: int, after: str, json: bool) -> None:
    async with house() as opened, opened.hub.connection() as connection:
        rows = [_with_health(dict(row)) for row in await stores.list_stores(connection, limit, after)]
    if json:
        print_json({"stores": rows, "next": rows[-1]["venue_id"] if len(rows) == limit else None})
        return
    columns = {
        "venue_id": "Venue",
        "organization_id": "Organization",
        "location_id": "Location",
        "name": "Name",
        "menu_products": "Products",
        "menu_fetched_at": "Menu of (UTC)",
        "marketplaces": "Marketplaces",
        "paused": "Paused",
        "pos": "POS",
    }
    print_rows("Stores", rows, columns, "No stores yet. Add one: heard stores add --help")


def _with_health(row: dict[str, Any]) -> dict[str, Any]:
    """`paused`: it takes no orders. `pos`: gone (it is looked for), failing (its last call did), well, or none."""
    pos = "gone" if row["pos_gone_since"] else "failing" if row["pos_failures"] else "well"
    if row["connector"] == ConnectorKind.MANUAL:
        pos = "none"
    return {**row, "paused": bool(row["paused_by"]), "pos": pos}


async def _connect(venue_id: VenueId, marketplace: str, json: bool) -> None:
    async with house() as opened:
        found, new = await connect_store(opened.hub, venue_id, marketplace)
    if json:
        print_json({"venue_id": venue_id, "marketplace_id": found.marketplace_id, "connected": True, "new": new})
    else:
        console.print(f"{found.name} {'may now' if new else 'could already'} send orders to {venue_id}.")


async def _disconnect(venue_id: VenueId, marketplace: str, json: bool) -> None:
    async with house() as opened:
        found, ended = await disconnect_store(opened.hub, venue_id, marketplace)
    if json:
        marketplace_id = found.marketplace_id
        print_json({"venue_id": venue_id, "marketplace_id": marketplace_id, "connected": False, "ended": ended})
    else:
        console.print(f"{found.name} {'may no longer' if ended else 'could not'} send orders to {venue_id}.")


async def _pause(venue_id: VenueId, reason: str, minutes: int | None, json: bool) -> None:
    async with house() as opened:
        held = await pause_store(opened.hub, await known_store(opened, venue_id), Party.STAFF, reason, minutes)
    if json:
        print_json({"venue_id": venue_id, "open": False, "pause": held})
    else:
        until = f"until {when(held.until)} UTC" if held.until else f"until `heard stores resume {venue_id}`"
        console.print(f"{venue_id} takes no orders {until}.", soft_wrap=True)


async def _resume(venue_id: VenueId, json: bool) -> None:
    async with house() as opened:
        store = await known_store(opened, venue_id)
        opened_now = await resume_store(opened.hub, store, Party.STAFF)
        async with opened.hub.connection() as connection:
            left = await pauses.of_store(connection, store)
    if json:
        print_json({"venue_id": venue_id, "open": not left, "resumed": opened_now, "pauses": left})
    elif left:
        console.print(f"{venue_id} still takes no orders: {_held(left)}.", soft_wrap=True, markup=False)
    else:
        console.print(f"{venue_id} {'takes' if opened_now else 'was not paused: it takes'} orders.", soft_wrap=True)


async def _show(venue_id: VenueId, json: bool) -> None:
    async with house() as opened:
        store = await known_store(opened, venue_id)
        async with opened.hub.connection() as connection:
            [row] = await stores.list_stores(connection, 1, venue_id=venue_id)
            held = await pauses.of_store(connection, store)
    shown = _with_health(dict(row))
    if json:
        print_json({**shown, "pauses": held, "rules": asdict(store.rules)})
        return
    menu = (
        f"version {shown['menu_version']}, {shown['menu_products']} products" if shown["menu_version"] else "none yet"
    )
    rules, published = store.rules, "" if shown["menu_published"] else ", not published"
    console.print(f"[bold]{store.name}[/bold]  {venue_id}", soft_wrap=True)
    for name, text in (
        ("location", f"{store.organization_id} {store.location_id}, {store.currency}, {store.timezone}"),
        ("takes orders", f"no: {_held(held)}" if held else "yes"),
        ("marketplaces", ", ".join(shown["marketplaces"]) or "none; connect one with `heard stores connect`"),
        ("menu", menu + published),
        ("POS", f"{shown['pos']}, {store.pos.url}" if store.pos else "none: staff accept by hand"),
        ("prices that differ", f"{rules.price_check}"),
        ("accepts within", f"{rules.accept_within_s} s"),
        ("prep time", f"{rules.prep_time_min} min"),
        ("POS's total", f"may differ by {money(rules.total_tolerance, store.currency)}"),
        ("menu fetched", f"every {rules.menu_every_min} min"),
    ):
        console.print(f"  {name:<19}{text}", soft_wrap=True, markup=False)


async def _set(venue_id: VenueId, changes: dict[str, Any], json: bool) -> None:
    async with house() as opened:
        store = await set_rules(opened.hub, venue_id, **changes)
    if json:
        print_json({"venue_id": venue_id, "rules": asdict(store.rules)})
    else:
        console.print(f"Changed {', '.join(changes)} of {venue_id}.", soft_wrap=True)


def _held(held: list[Pause]) -> str:
    """Who holds a store, and why, for people."""
    return "; ".join(
        f"paused by {one.held_by} ({one.reason})" + (f" until {when(one.until)} UTC" if one.until else "")
        for one in held
    )
