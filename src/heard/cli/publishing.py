"""`heard menus publish`, `unpublish` and `import`: a menu put out to marketplaces, taken back, brought in by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from heard import limits
from heard.cli.arguments import ApiJson, Json, Venue
from heard.cli.office import office
from heard.cli.output import console, fail, print_json
from heard.cli.running import house, known_store, run
from heard.clients.admin import operations as call
from heard.connectors.contract import MenuUnavailable
from heard.domain.ids import VenueId
from heard.domain.menu.traits import Finding
from heard.engine.change_order import LeaseLost
from heard.engine.keep_menu import KeptMenu, MenuRefused
from heard.work.menus import import_menu


def publish(venue: Venue, *, json: ApiJson = False) -> None:
    """Let a store's marketplaces have its menu, and order from it; they are told. A new store's menu is published.

    For example:

        heard menus publish ven_01kdvp1e000000000000000000
    """
    run(_publish(venue, json))


def unpublish(venue: Venue, *, json: ApiJson = False) -> None:
    """Keep a store's menu from its marketplaces: they are told, and new orders are refused until it is published.

    Orders under way go on, and the menu is fetched from the POS as before.

    For example:

        heard menus unpublish ven_01kdvp1e000000000000000000
    """
    run(_unpublish(venue, json))


def import_(venue: Venue, file: Path, *, json: Json = False) -> None:
    """Make a document the menu of a store, as if its POS had given it: for a store without a POS, or to try one out.

    A menu with errors is kept out; the last good one stays. The next fetch from a POS takes its place.

    For example:

        heard menus import ven_01kdvp1e000000000000000000 menu.json

    Parameters
    ----------
    file
        A menu document in posnext's shape, with the store's own location_id; see docs/reference/wire.md, 1.7.
    json
        Print one JSON document.
    """
    run(_import(VenueId(venue), read_menu_file(file, "FILE"), json))


def read_menu_file(file: Path, argument: str) -> bytes:
    """The bytes of a menu document. Ends the process with one line when they cannot be read, or are too many."""
    try:
        with file.open("rb") as opened:
            body = opened.read(limits.MENU_BYTES_MAX + 1)
    except OSError as error:
        raise fail(f"{argument}: {file}: {error.strerror}") from None
    if len(body) > limits.MENU_BYTES_MAX:
        raise fail(f"{argument}: {file} is larger than {limits.MENU_BYTES_MAX} bytes")
    return body


@contextmanager
def told_why_not() -> Iterator[None]:
    """Why no menu was kept, each fault on a line; it ends the process."""
    try:
        yield
    except MenuUnavailable as error:
        raise fail(str(error)) from None
    except LeaseLost:
        raise fail("somebody else fetched this menu meanwhile; see `heard menus show`") from None
    except MenuRefused as refused:
        for fault in refused.errors:
            console.print(f"{fault.path}: {fault.message}")
        raise fail(f"the menu is not taken over: {refused.count} faults") from None


def print_kept(venue_id: VenueId, kept: KeptMenu, json: bool) -> None:
    """What came of a menu that was kept."""
    if json:
        print_json(
            {
                "venue_id": venue_id,
                "version": kept.version,
                "products": kept.product_count,
                "changed": kept.changed,
                "changes": dict(kept.changes),
                "warnings": [finding_row(one) for one in kept.warnings],
            }
        )
        return
    console.print(f"{kept.product_count} products, version {kept.version}" + ("" if kept.changed else " (unchanged)"))
    for one in kept.warnings:
        console.print(f"{one.path}: {one.message}")


def finding_row(one: Finding) -> dict[str, Any]:
    """A finding as --json shows it."""
    return {"path": one.path, "code": one.code, "severity": one.severity, "message": one.message}


async def _publish(venue_id: str, json: bool) -> None:
    async with office() as hub:
        menu = await hub.call(call.PUBLISH_MENU, venue_id=venue_id)
    if json:
        print_json(menu)
    elif menu.version is None:
        console.print(f"{venue_id} has no menu yet; it is published as soon as there is one.")
    else:
        console.print(
            f"The menu of {venue_id} {'is' if menu.new else 'was already'} published: version {menu.version}."
        )


async def _unpublish(venue_id: str, json: bool) -> None:
    async with office() as hub:
        menu = await hub.call(call.UNPUBLISH_MENU, venue_id=venue_id)
    if json:
        print_json(menu)
    else:
        console.print(
            f"The menu of {venue_id} {'is not' if menu.new else 'was not'} published: it takes no new orders."
        )


async def _import(venue_id: VenueId, body: bytes, json: bool) -> None:
    async with house() as opened:
        store = await known_store(opened, venue_id)
        with told_why_not():
            kept = await import_menu(opened.hub, store, body)
    print_kept(venue_id, kept, json)
