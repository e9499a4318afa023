"""`heard stores`: which restaurants there are, and who may send them orders."""

from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from cyclopts import App, Parameter, validators

from heard.cli.arguments import Json, Page, is_web_address
from heard.cli.output import console, fail, print_json, print_rows
from heard.cli.running import house, read_shared_id, run
from heard.domain.ids import LocationId, OrganizationId, VenueId
from heard.domain.money import Cents, MoneyError
from heard.domain.money import currency as known_currency
from heard.domain.stores import Amounts, PosConnection, SignatureScheme, Store, StoreRules
from heard.engine.add_parties import add_store, connect_store
from heard.storage import stores

app = App(name="stores", help="Restaurants: add one, list them, connect a marketplace.")


@app.command
def add(
    *,
    organization: str,
    location: str,
    pos_url: str,
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
    json: Json = False,
) -> None:
    """Add a store with its POS connection; prints its venue_id, the name channels know it by.

    The SharedId is read from the environment variable that --shared-id-env names, or asked for: never given as an
    argument, where other users of the machine could see it.

    For example:

        heard stores add --organization acme --location 0042 --pos-url https://pos.example --shared-id-env ACME_ID

    Parameters
    ----------
    organization
        The brand's id, as the POS knows it.
    location
        The store's id, as the POS knows it.
    pos_url
        Where the POS serves posnext, without /posnext: https://pos.example.
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
    json
        Print one JSON document.

    """
    try:
        known_currency(currency)
    except MoneyError as error:
        raise fail(f"--currency: {error}") from None
    if timezone not in available_timezones():
        raise fail(f"--timezone: {timezone!r} is not a time zone such as America/New_York")
    shared_id = read_shared_id(shared_id_env)
    if not is_web_address(pos_url):
        raise fail(f"--pos-url: {pos_url!r} is not an address such as https://pos.example")
    parts = urlsplit(pos_url)
    if parts.path.rstrip("/").endswith("/posnext") or parts.query or parts.fragment:
        raise fail(f"--pos-url: {pos_url!r} must end before /posnext, without ? or #")
    rules = StoreRules(accept_within_s, prep_time_min, validate_first, Cents(total_tolerance), menu_every_min)
    pos = PosConnection(pos_url, shared_id, amounts, signature)
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


async def _add(
    organization: str,
    location: str,
    name: str,
    currency: str,
    timezone: str,
    pos: PosConnection,
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
            rules=rules,
        )
        await add_store(opened.hub, store)
    if json:
        print_json({"venue_id": venue_id, "organization_id": organization, "location_id": location, "name": name})
    else:
        console.print(f"Added the store {name}: [bold]{venue_id}[/bold]")
        console.print(f"Next: heard menus pull {venue_id}")


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
    """`paused`: it takes no orders. `pos`: gone (it is looked for), failing (its last call did), or well."""
    pos = "gone" if row["pos_gone_since"] else "failing" if row["pos_failures"] else "well"
    return {**row, "paused": bool(row["paused_by"]), "pos": pos}


async def _connect(venue_id: VenueId, marketplace: str, json: bool) -> None:
    async with house() as opened:
        found, new = await connect_store(opened.hub, venue_id, marketplace)
    if json:
        print_json({"venue_id": venue_id, "marketplace_id": found.marketplace_id, "connected": True, "new": new})
    else:
        console.print(f"{found.name} {'may now' if new else 'could already'} send orders to {venue_id}.")
