"""`heard pos`: a POS vendor's side. Serve an adapter, begin a new one, say whose ids are whose."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from heard import limits
from heard.cli.arguments import Json, Page, whole
from heard.cli.output import console, fail, print_json, print_rows
from heard.cli.running import run, set_up_log, told_in_one_line, until_stopped
from heard.domain.stores import Amounts, SignatureScheme
from heard.net.listening import listening
from heard.net.serving import serve, spare_the_collector
from heard.pos import Location, PosApp
from heard.pos.mapping import Checked, check_locations
from heard.pos.options import read_options
from heard.pos.starter import StarterError, write_starter
from heard.pos.store import Mapped, open_store
from heard.pos.target import load_adapter

app = App(name="pos", help="For POS vendors: serve your POS, begin a new one, map ids.")
map_ = App(name="map", help="Which of PAR's organizations and locations is which of yours.")
app.command(map_)


@app.command(name="serve")
def serve_(
    target: str,
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, whole(0, 65535)] = 9000,
    store: str | None = None,
    amounts: Amounts | None = None,
    signature: SignatureScheme | None = None,
    answer_within_s: float | None = None,
    at_once: Annotated[int, whole()] | None = None,
    allow: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    log_level: Annotated[str, Parameter(validator=lambda _, value: _known_level(value))] = "info",
) -> None:
    """Serve a POS: posnext's calls on the outside, your adapter class on the inside.

    The SharedId is read from HEARD_POS_SHARED_ID; while it changes, the one before it from
    HEARD_POS_SHARED_ID_PREVIOUS. What is not given here may be given as HEARD_POS_...

    For example:

        heard pos serve bistro:Bistro --port 9000
        heard pos serve bistro:Bistro --answer-within-s 2 --allow 10.0.0.0/8

    Parameters
    ----------
    target
        Your class or an instance of it: package.module:Name, from the working folder or installed.
    host
        The address to listen on.
    port
        The port to listen on, 0 for any free one.
    store
        Where requests and ids are remembered: a file, heard-pos.sqlite if nothing is said, or postgresql://...; an
        address with a password belongs into HEARD_POS_STORE, since others can read arguments.
    amounts
        How order amounts are written: whole cents (minor) if nothing is said, or decimals.
    signature
        What is signed: the documented digest if nothing is said, or HMAC over the body.
    answer_within_s
        Seconds until a slow adapter is told as 202; 5 if nothing is said.
    at_once
        Calls of the adapter for one location at the same time; 8 if nothing is said.
    allow
        A private network that callbacks may go to, such as 127.0.0.0/8; may be given several times.
    log_level
        debug, info, warning or error.
    """
    set_up_log(log_level)
    with told_in_one_line():
        settings = read_options(
            store=store,
            amounts=amounts,
            signature=signature,
            answer_within_s=answer_within_s,
            at_once=at_once,
            allow=allow or None,
        )
        kit = PosApp(load_adapter(target), settings)
    run(until_stopped(lambda: _serve(kit, host, port)))


@app.command
def new(name: str, *, json: Json = False) -> None:
    """Write a small POS that runs: an adapter, its menu, its tests, and what to do next.

    For example:

        heard pos new bistro

    Parameters
    ----------
    name
        The new package's name: letters, digits and underscores. A folder of that name is made here.
    json
        Print one JSON document.
    """
    try:
        files = write_starter(Path.cwd(), name)
    except StarterError as error:
        raise fail(str(error)) from None
    if json:
        print_json({"folder": name, "files": [str(file) for file in files]})
        return
    for file in files:
        console.print(f"  {file}")
    console.print(f"Next: cd {name}, and read README.md")


@map_.command
def add(
    organization: str,
    location: str,
    own: str,
    *,
    own_organization: str | None = None,
    store: str | None = None,
    json: Json = False,
) -> None:
    """Say that one of PAR's locations is one of yours. Given again, the newer says so.

    For example:

        heard pos map add acme 0042 "Main Street"

    Parameters
    ----------
    organization
        PAR's id of the organization.
    location
        PAR's id of the location.
    own
        Your id of the location.
    own_organization
        Your id of the organization; PAR's if none is given.
    store
        The kit's store (HEARD_POS_STORE).
    json
        Print one JSON document.
    """
    for name, value in (("organization", organization), ("location", location), ("own", own)):
        if not value or len(value) > limits.ID_MAX or not value.isprintable():
            raise fail(f"{name}: must be 1 to {limits.ID_MAX} printable characters")
    mapped = Mapped(organization, location, Location(own_organization or organization, own))
    changed = run(_with_store(store, lambda opened: opened.add_location(mapped)))
    if json:
        print_json({**_row(mapped), "changed": changed})
    else:
        console.print(f"{organization} {location} is {own}" + ("" if changed else " (it was so already)"))


@map_.command
def remove(organization: str, location: str, *, store: str | None = None, json: Json = False) -> None:
    """Forget a location: its orders are refused from then on.

    For example:

        heard pos map remove acme 0042

    Parameters
    ----------
    organization
        PAR's id of the organization.
    location
        PAR's id of the location.
    store
        The kit's store (HEARD_POS_STORE).
    json
        Print one JSON document.
    """
    removed = run(_with_store(store, lambda opened: opened.remove_location(organization, location)))
    if json:
        print_json({"organization_id": organization, "location_id": location, "removed": removed})
    elif removed:
        console.print(f"{organization} {location} is forgotten.")
    else:
        raise fail(f"{organization} {location} is not mapped; see `heard pos map list`")


@map_.command(name="list")
def list_(
    *,
    limit: Page = 100,
    after: tuple[str, str] = ("", ""),
    store: str | None = None,
    json: Json = False,
) -> None:
    """List the mapped locations.

    For example:

        heard pos map list --json

    Parameters
    ----------
    limit
        How many at most.
    after
        PAR's two ids of the last location of the page before this one.
    store
        The kit's store (HEARD_POS_STORE).
    json
        Print one JSON document: {"locations": [...], "next": [ORGANIZATION, LOCATION] or null}.
    """
    found: list[Mapped] = run(_with_store(store, lambda opened: opened.locations(limit, after)))
    rows = [_row(one) for one in found]
    if json:
        last = [found[-1].organization_id, found[-1].location_id] if len(found) == limit else None
        print_json({"locations": rows, "next": last})
        return
    columns = {
        "organization_id": "PAR's organization",
        "location_id": "PAR's location",
        "own_organization": "Your organization",
        "own_location": "Your location",
    }
    print_rows("Locations", rows, columns, "No locations yet. Add one: heard pos map add ORGANIZATION LOCATION OWN")


@map_.command
def check(target: str, *, store: str | None = None, json: Json = False) -> None:
    """Ask the adapter for the menu of every mapped location, and say what is wrong. Exit status 1 if anything is.

    For example:

        heard pos map check bistro:Bistro

    Parameters
    ----------
    target
        Your class or an instance of it, as for `heard pos serve`.
    store
        The kit's store (HEARD_POS_STORE).
    json
        Print one JSON document.
    """
    set_up_log("error")
    with told_in_one_line():
        adapter = load_adapter(target)
    checked: list[Checked] = run(_with_store(store, lambda opened: check_locations(opened, adapter)))
    if json:
        print_json({"locations": [{**_row(one.mapped), "products": one.products, "faults": one.faults}
                                  for one in checked]})  # fmt: skip
    else:
        for one in checked:
            place = f"{one.mapped.organization_id} {one.mapped.location_id} is {one.mapped.own.location_id}"
            console.print(f"{place}: " + ("; ".join(one.faults) or f"{one.products} products"))
        if not checked:
            console.print("No locations yet. Add one: heard pos map add ORGANIZATION LOCATION OWN")
    if any(one.faults for one in checked):
        raise SystemExit(1)


async def _serve(kit: PosApp, host: str, port: int) -> None:
    with listening(host, port) as bound:
        async with kit:
            address, number = bound.getsockname()[:2]
            if not await kit.store.locations(1):
                console.print("heard pos: no location is mapped yet; see `heard pos map add --help`")
            spare_the_collector()
            console.print(f"heard pos: serving on http://{address}:{number}")
            await serve(kit, bound)


async def _with_store(where: str | None, work: Any) -> Any:
    opened = await open_store(where or read_options(shared_id="0" * limits.SHARED_ID_LENGTH_MIN).store)
    try:
        return await work(opened)
    finally:
        await opened.close()


def _row(mapped: Mapped) -> dict[str, Any]:
    return {
        "organization_id": mapped.organization_id,
        "location_id": mapped.location_id,
        "own_organization": mapped.own.organization_id,
        "own_location": mapped.own.location_id,
    }


def _known_level(value: str) -> None:
    if value not in ("debug", "info", "warning", "error"):
        raise ValueError("must be debug, info, warning or error")
