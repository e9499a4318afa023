"""`heard menus`: fetch a store's menu, see its versions, what is on them, what changed and what is wrong.

What puts a menu out, or in by hand, is in publishing.py.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App

from heard.bootstrap import House
from heard.cli.arguments import ApiJson, Json, Page, Venue, whole
from heard.cli.office import office
from heard.cli.output import console, fail, money, print_head, print_json, print_rows, row_of, when
from heard.cli.publishing import finding_row, import_, print_kept, publish, read_menu_file, told_why_not, unpublish
from heard.cli.running import house, known_store, run
from heard.clients.admin import operations as call
from heard.domain.ids import VenueId
from heard.domain.menu.diff import Change, diff_menus
from heard.domain.menu.model import Menu, MenuSection, Product
from heard.domain.menu.traits import Finding, Severity
from heard.domain.stores import Store
from heard.engine.judge_menu import lint_body, read_document
from heard.storage import menus
from heard.storage.menus import Document, LastFetch
from heard.work.menus import pull_menu

app = App(name="menus", help="Menus: fetch, import, publish one; see its versions, what changed and what is wrong.")

for command in (publish, unpublish):
    app.command(command)
app.command(import_, name="import")

Skip = Annotated[int, whole(0)]


@app.command
def pull(venue: Venue, *, json: Json = False) -> None:
    """Fetch a store's menu from its POS now and keep it. A menu with errors is kept out; the last good one stays.

    A running worker does so by itself, every few minutes.

    For example:

        heard menus pull ven_01kdvp1e000000000000000000

    Parameters
    ----------
    json
        Print one JSON document.
    """
    run(_pull(VenueId(venue), json))


@app.command(name="list")
def list_(venue: Venue, *, limit: Page = 20, before: str | None = None, json: ApiJson = False) -> None:
    """List the versions of a store's menu, the one fetched last first.

    For example:

        heard menus list ven_01kdvp1e000000000000000000

    Parameters
    ----------
    before
        The `next` of the page before this one: its last version.
    """
    run(_list(venue, limit, before, json))


@app.command
def show(venue: Venue, *, version: str | None = None, limit: Page = 100, skip: Skip = 0, json: Json = False) -> None:
    """Show what is on a store's menu, and what came of the last fetch.

    For example:

        heard menus show ven_01kdvp1e000000000000000000 --limit 50 --skip 50

    Parameters
    ----------
    version
        A version of `heard menus list`; the one in use if none is given.
    limit
        How many products at most.
    skip
        How many products to leave out at the beginning.
    json
        Print one JSON document: {"venue_id", "version", "last_fetch", "products": [...], "next": SKIP or null, ...}.
    """
    run(_show(VenueId(venue), version, limit, skip, json))


@app.command
def diff(
    venue: Venue,
    before: str | None = None,
    after: str | None = None,
    *,
    limit: Page = 100,
    skip: Skip = 0,
    json: Json = False,
) -> None:
    """Show what differs between two versions of a store's menu.

    For example:

        heard menus diff ven_01kdvp1e000000000000000000

    Parameters
    ----------
    before
        A version of `heard menus list`; the one before the current one if none is given.
    after
        Another; the one in use if none is given.
    limit
        How many changes at most.
    skip
        How many changes to leave out at the beginning.
    json
        Print one JSON document: {"before", "after", "counts": {KIND: N}, "changes": [...], "next": SKIP or null}.
    """
    run(_diff(VenueId(venue), before, after, limit, skip, json))


@app.command
def lint(
    venue: Venue | None = None,
    *,
    version: str | None = None,
    file: Path | None = None,
    limit: Page = 100,
    skip: Skip = 0,
    json: Json = False,
) -> None:
    """Say everything that is wrong with a menu, by JSON path. The exit status is 1 when there are errors.

    A menu with errors is kept out of use; warnings keep none out.

    For example:

        heard menus lint ven_01kdvp1e000000000000000000

        heard menus lint --file menu.json

    Parameters
    ----------
    version
        A version of `heard menus list`; the one in use if none is given.
    file
        A menu document instead, as a POS would answer it; no store is needed.
    limit
        How many findings at most.
    skip
        How many findings to leave out at the beginning.
    json
        Print one JSON document: {"errors": N, "warnings": N, "findings": [...], "next": SKIP or null}.

    """
    if (venue is None) == (file is None):
        raise fail("menus lint: name a store, or a document with --file")
    if file is not None and version is not None:
        raise fail("--version: is for a store's menus; a document has none")
    findings = (
        lint_body(read_menu_file(file, "--file")) if file is not None else run(_lint(VenueId(venue or ""), version))
    )
    _print_findings(findings, limit, skip, json)
    if any(one.severity is Severity.ERROR for one in findings):
        raise SystemExit(1)


async def _pull(venue_id: VenueId, json: bool) -> None:
    async with house() as opened:
        store = await known_store(opened, venue_id)
        with told_why_not():
            kept = await pull_menu(opened.hub, opened.outbound, store)
    print_kept(venue_id, kept, json)


async def _list(venue_id: str, limit: int, before: str | None, json: bool) -> None:
    async with office() as hub:
        page = await hub.call(call.LIST_MENUS, venue_id=venue_id, limit=limit, after=before)
    if json:
        print_json(page)
        return
    people = [
        {**row_of(one), "changes": _counts(one.changes), "kept_at": when(one.kept_at), "seen": when(one.fetched_at)}
        for one in page.versions
    ]
    columns = {
        "version": "Version",
        "current": "In use",
        "product_count": "Products",
        "changes": "Changes",
        "kept_at": "First kept (UTC)",
        "seen": "Last fetched (UTC)",
    }
    print_rows("Menus", people, columns, f"No menu yet. Fetch it: heard menus pull {venue_id}")


async def _show(venue_id: VenueId, version: str | None, limit: int, skip: int, json: bool) -> None:
    async with house() as opened:
        store = await known_store(opened, venue_id)
        async with opened.hub.connection() as connection:
            last = await menus.last_fetch(connection, store)
        chosen = version or store.menu_version
        menu = await _menu(opened, store, chosen) if chosen else None
    products = _placed(menu)
    page = [_product_row(section, product) for section, product in products[skip : skip + limit]]
    rest = skip + limit if len(products) > skip + limit else None
    if json:
        print_json(
            {
                "venue_id": venue_id,
                "version": chosen,
                "current": chosen is not None and chosen == store.menu_version,
                "pos_version": menu.version if menu else None,
                "currency": menu.currency if menu else None,
                "tax_rates": _tax_rates(menu),
                "last_fetch": _fetch_row(last),
                "product_count": len(products),
                "products": page,
                "next": rest,
            }
        )
        return
    print_head(store.name, f"  menu {chosen or 'none yet'}")
    _print_fetch(last)
    currency = (menu.currency if menu else None) or store.currency
    people = [
        {**row, "price": money(row["price"], currency), "groups": ", ".join(g["id"] for g in row["modifier_groups"])}
        for row in page
    ]
    columns = {
        "section": "Menu",
        "product_id": "Product",
        "name": "Name",
        "price": "Price",
        "availability": "To be had",
        "groups": "Choices",
    }
    if chosen:
        print_rows(f"\nProducts {skip + 1} to {skip + len(page)} of {len(products)}", people, columns, "\nNo products.")


async def _diff(venue_id: VenueId, before: str | None, after: str | None, limit: int, skip: int, json: bool) -> None:
    async with house() as opened:
        store = await known_store(opened, venue_id)
        new = after or store.menu_version
        old = before or await _version_before(opened, store)
        if new is None:
            raise fail(f"{venue_id} has no menu yet; fetch it with `heard menus pull {venue_id}`")
        if old is None:
            raise fail(f"{venue_id} has had one menu only; name two versions of `heard menus list {venue_id}`")
        changes = diff_menus(await _menu(opened, store, old), await _menu(opened, store, new))
    page, counts = changes[skip : skip + limit], Counter(change.kind.value for change in changes)
    if json:
        rest = skip + limit if len(changes) > skip + limit else None
        rows = [_change_row(change) for change in page]
        print_json({"before": old, "after": new, "counts": dict(counts), "changes": rows, "next": rest})
        return
    console.print(f"{old} -> {new}: {_counts(counts) or 'no difference'}")
    columns = {
        "kind": "Change",
        "entity": "Of a",
        "id": "Id",
        "name": "Name",
        "member": "What",
        "before": "Before",
        "after": "After",
        "places": "Places",
    }
    if page:
        people = [_change_for_people(change, store.currency) for change in page]
        print_rows(f"\nChanges {skip + 1} to {skip + len(page)} of {len(changes)}", people, columns, "")


async def _lint(venue_id: VenueId, version: str | None) -> tuple[Finding, ...]:
    async with house() as opened:
        store = await known_store(opened, venue_id)
        chosen = version or store.menu_version
        if chosen is None:
            raise fail(f"{venue_id} has no menu yet; fetch it with `heard menus pull {venue_id}`")
        document = await _document(opened, store, chosen)
    return lint_body(document.unpacked, store.location_id)


async def _document(opened: House, store: Store, version: str) -> Document:
    async with opened.hub.connection() as connection:
        found = await menus.read_document(connection, store.organization_id, store.venue_id, version)
    if found is None:
        raise fail(f"{store.venue_id} has no menu version {version!r}; see `heard menus list {store.venue_id}`")
    return found


async def _menu(opened: House, store: Store, version: str) -> Menu:
    return read_document(await _document(opened, store, version))


async def _version_before(opened: House, store: Store) -> str | None:
    """The version that was in use before the current one."""
    async with opened.hub.connection() as connection:
        newest = await menus.versions(connection, store, 2)
    return next((one.version for one in newest if one.version != store.menu_version), None)


def _placed(menu: Menu | None) -> list[tuple[MenuSection, Product]]:
    return [(section, product) for section in menu.sections for product in section.products] if menu else []


def _print_fetch(last: LastFetch) -> None:
    if last.outcome is None:
        console.print("  not fetched yet")
    else:
        console.print(f"  fetched {when(last.fetched_at)} UTC: {last.outcome}, {last.fault_count} findings")
    if last.next_at is not None:
        console.print(f"  due again {when(last.next_at)} UTC")
    for one in last.faults:
        console.print(f"  {one.severity} {one.path}: {one.message}")


def _print_findings(findings: Sequence[Finding], limit: int, skip: int, json: bool) -> None:
    counts = Counter(one.severity for one in findings)
    page = findings[skip : skip + limit]
    if json:
        rest = skip + limit if len(findings) > skip + limit else None
        rows = [finding_row(one) for one in page]
        errors, warnings = counts[Severity.ERROR], counts[Severity.WARNING]
        print_json({"errors": errors, "warnings": warnings, "findings": rows, "next": rest})
        return
    for one in page:
        console.print(f"{one.severity} {one.code} {one.path}: {one.message}")
    console.print(f"{counts[Severity.ERROR]} errors, {counts[Severity.WARNING]} warnings")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _fetch_row(last: LastFetch) -> dict[str, Any]:
    return {
        "outcome": last.outcome,
        "fetched_at": last.fetched_at,
        "failures": last.failures,
        "fault_count": last.fault_count,
        "faults": [finding_row(one) for one in last.faults],
        "next_at": last.next_at,
    }


def _tax_rates(menu: Menu | None) -> dict[str, Any]:
    """As a menu's document writes them."""
    return {
        category: rates if isinstance(rates, str) else [{"name": name, "rate": percent} for name, percent in rates]
        for category, rates in (menu.tax_rates if menu else ())
    }


def _product_row(section: MenuSection, product: Product) -> dict[str, Any]:
    return {
        "section_id": section.id,
        "section": section.name,
        "product_id": product.id,
        "name": product.name,
        "price": product.price,
        "prices": [asdict(rule) for rule in product.prices],
        "availability": product.availability,
        "type": product.type,
        "tax_category": product.tax_category,
        "modifier_groups": [{"id": group.id, "name": group.name} for group in product.groups],
    }


def _change_row(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "entity": change.entity,
        "id": change.id,
        "name": change.name,
        "member": change.member,
        "before": change.before,
        "after": change.after,
        "within": list(change.within),
        "places": change.places,
    }


def _change_for_people(change: Change, currency: str) -> dict[str, Any]:
    """Prices with their currency; a new order of many ids in few words."""
    row = _change_row(change)
    comes_or_goes = change.kind in ("added", "removed") and change.entity in ("product", "modifier")
    priced = change.kind == "price" or comes_or_goes
    for side in ("before", "after"):
        value = row[side]
        if priced and isinstance(value, int):
            row[side] = money(value, currency)
        elif isinstance(value, tuple):
            row[side] = ", ".join(value[:5]) + (f" ... ({len(value)})" if len(value) > 5 else "")
    return row
