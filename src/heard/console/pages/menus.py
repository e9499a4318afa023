"""Menus: what is on a store's and what is off it, its versions and what each changed, two compared, what is wrong."""

from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.console.gate import HEADERS, Gate, Handler, Visit, back, show
from heard.console.house import House
from heard.console.menus_seen import (
    DURATIONS,
    KINDS,
    SeenOff,
    back_words,
    change_row,
    picture_of,
    price_rule_words,
    seen_off,
    taken_words,
    tax_words,
    version_words,
)
from heard.console.pages.stores import store_view
from heard.console.pictures import PATH, path_of, read_url
from heard.domain.ids import VenueId
from heard.domain.menu.diff import ChangeKind
from heard.domain.refusals import Code, Refused
from heard.domain.stores import Store
from heard.engine import oversee
from heard.engine.look_into_menu import browse_menu, compare_menus, last_fetch, lint_kept
from heard.engine.menu_looks import Browse
from heard.protocols.admin import operations
from heard.protocols.admin.wire import MenuPublished, MenuVersion, StoreView

MENUS: Final = "/console/menus"
_MENU: Final = f"{MENUS}/{{venue_id}}"
_AS_A_PICTURE: Final = HEADERS | {
    "cache-control": f"private, max-age={limits.PICTURE_KEPT_S:.0f}",
    "content-security-policy": "default-src 'none'; sandbox",
}
_SEARCH_MAX = 100
_SKIP_MAX = 1_000_000


def routes(house: House, gate: Gate) -> list[Route]:
    """The pages of a menu, and what puts it out or takes it back, whole or an item of it."""

    async def list_(visit: Visit) -> Response:
        page = await house.office.call(visit.visitor, operations.LIST_STORES, query=visit.one_page(limits.STORES_SHOWN))
        return show(visit, "menus.html", stores=page.stores, next=page.next, first=not visit.query.get("after"))

    return [
        gate.page(MENUS, list_),
        *_looks(house, gate),
        *_judgements(house, gate),
        gate.action(f"{_MENU}/publish", _publishing(house, out=True)),
        gate.action(f"{_MENU}/unpublish", _publishing(house, out=False)),
        *_items(house, gate),
    ]


def _looks(house: House, gate: Gate) -> list[Route]:
    hub = house.hub

    async def browse(visit: Visit) -> Response:
        view, kept = await _store(house, visit)
        version = visit.query.get("version") or view.menu_version
        common: dict[str, Any] = {"store": view, "version": version, "fetch": await last_fetch(hub, kept)}
        if version is None:
            return show(visit, "menu_none.html", **common)
        section, text = visit.query.get("section") or None, visit.query.get("q", "").strip()[:_SEARCH_MAX]
        gone_only = visit.query.get("gone") == "true"
        in_use = version == view.menu_version
        off = await _off(house, visit) if in_use and view.items_off else {}
        wanted = Browse(section, text, gone_only, _skip(visit), frozenset(off))
        part = await browse_menu(hub, kept, _named(version), wanted)
        return show(
            visit,
            "menu.html",
            **common,
            part=part,
            wanted=wanted,
            currency=part.currency or view.currency,
            taxes=tax_words(part.tax_rates),
            count=limits.MENU_SHOWN_PRODUCTS,
            off=off,
            steers=in_use and visit.visitor.may("menus"),
            durations=DURATIONS,
            picture_of=picture_of,
            picture_path=lambda address: path_of(address, visit.visitor.form_key),
            price_rule_words=price_rule_words,
        )

    async def picture(visit: Visit) -> Response:
        url = read_url(visit.query.get("of", ""), visit.query.get("key", ""), visit.visitor.form_key)
        if url is None:
            raise Refused(Code.NOT_FOUND, "No menu that you have seen has such a picture.")
        found = await house.pictures.of(url)
        return Response(found.raw, 200, _AS_A_PICTURE, found.kind)

    async def versions(visit: Visit) -> Response:
        view, _ = await _store(house, visit)
        found, more = await _versions(house, visit)
        return show(visit, "menu_versions.html", store=view, versions=found, next=more, words_of=version_words)

    return [
        gate.page(PATH, picture),
        gate.page(_MENU, browse),
        gate.page(f"{_MENU}/versions", versions),
    ]


def _judgements(house: House, gate: Gate) -> list[Route]:
    hub = house.hub

    async def compare(visit: Visit) -> Response:
        view, kept = await _store(house, visit)
        known, _ = await _versions(house, visit)
        after = visit.query.get("after") or view.menu_version
        before = visit.query.get("before") or next((one.version for one in known if one.version != after), None)
        common: dict[str, Any] = {
            "store": view,
            "versions": known,
            "before": before,
            "after": after,
            "words_of": version_words,
        }
        if before is None or after is None:
            return show(visit, "menu_compare.html", **common, differences=None)
        kind = next((one for one in ChangeKind if one == visit.query.get("kind")), None)
        skip = _skip(visit)
        found = await compare_menus(hub, kept, _named(before), _named(after), kind, skip)
        return show(
            visit,
            "menu_compare.html",
            **common,
            differences=found,
            rows=[change_row(one, view.currency) for one in found.changes],
            kinds=KINDS,
            kind=kind,
            skip=skip,
            count=limits.MENU_SHOWN_ROWS,
        )

    async def findings(visit: Visit) -> Response:
        view, kept = await _store(house, visit)
        version, skip = visit.query.get("version") or view.menu_version, _skip(visit)
        found = None if version is None else await lint_kept(hub, kept, _named(version), skip)
        fetch, count = await last_fetch(hub, kept), limits.MENU_SHOWN_ROWS
        return show(
            visit, "menu_lint.html", store=view, version=version, found=found, fetch=fetch, skip=skip, count=count
        )

    return [gate.page(f"{_MENU}/compare", compare), gate.page(f"{_MENU}/findings", findings)]


def _publishing(house: House, *, out: bool) -> Handler:
    operation = operations.PUBLISH_MENU if out else operations.UNPUBLISH_MENU

    async def publish(visit: Visit) -> Response:
        venue_id = visit.path["venue_id"]
        state = await house.office.call(visit.visitor, operation, venue_id=venue_id)
        return back(visit, f"{MENUS}/{venue_id}", _publishing_words(state), good=state.new)

    return publish


def _publishing_words(state: MenuPublished) -> str:
    if not state.new:
        return f"It was {'published' if state.published else 'not published'} already; nothing was changed."
    if not state.published:
        return "The menu is taken back: the store takes no new orders, and its marketplaces are told."
    if state.version is None:
        return "There is no menu yet; it is published as soon as there is one."
    return "The menu is published: marketplaces are told, and may order from it."


def _items(house: House, gate: Gate) -> list[Route]:
    """An item taken off the menu, and put back. Its id comes from a button of the page, to which it goes back."""
    office = house.office

    async def take_off(visit: Visit) -> Response:
        venue_id, item_id = visit.path["venue_id"], _item_id(visit)
        minutes = _minutes(visit.form.get("minutes", ""))
        body, about = {"item_id": item_id, "minutes": minutes}, f"{venue_id} {item_id}"
        taken = await office.call(visit.visitor, operations.TAKE_ITEM_OFF, body, about=about, venue_id=venue_id)
        return back(visit, f"{MENUS}/{venue_id}", taken_words(taken, minutes))

    async def put_back(visit: Visit) -> Response:
        venue_id, item_id = visit.path["venue_id"], _item_id(visit)
        body, about = {"item_id": item_id}, f"{venue_id} {item_id}"
        after = await office.call(visit.visitor, operations.PUT_ITEM_BACK, body, about=about, venue_id=venue_id)
        return back(visit, f"{MENUS}/{venue_id}", back_words(after), good=after.new)

    return [gate.action(f"{_MENU}/items/off", take_off), gate.action(f"{_MENU}/items/on", put_back)]


def _item_id(visit: Visit) -> str:
    """As the menu has it; a browser writes the end of a line in two characters."""
    return visit.form.get("item_id", "").replace("\r\n", "\n")


def _minutes(text: str) -> int | None:
    """None: until it is put back. Raises Refused(invalid_body)."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused(Code.INVALID_BODY, "Minutes are a whole number. Nothing was changed.")
    return int(text)


async def _off(house: House, visit: Visit) -> dict[str, SeenOff]:
    """All that is off the menu now."""
    query, venue_id = {"limit": str(limits.ITEMS_OFF_MAX)}, visit.path["venue_id"]
    page = await house.office.call(visit.visitor, operations.LIST_ITEMS_OFF, query=query, venue_id=venue_id)
    return seen_off(page.items, await house.hub.now())


async def _store(house: House, visit: Visit) -> tuple[StoreView, Store]:
    view = await store_view(house, visit)
    return view, await oversee.store_of(house.hub, visit.visitor.organization_id, VenueId(view.venue_id))


async def _versions(house: House, visit: Visit) -> tuple[list[MenuVersion], str | None]:
    query = {"limit": str(limits.MENU_VERSIONS_SHOWN)}
    if visit.query.get("older"):
        query["after"] = _named(visit.query["older"])
    page = await house.office.call(visit.visitor, operations.LIST_MENUS, query=query, venue_id=visit.path["venue_id"])
    return page.versions, page.next


def _named(version: str) -> str:
    """A version as one of ours is written. Raises Refused(not_found) for any other text."""
    if len(version) > limits.WORD_MAX or not (version.isascii() and version.isalnum()):
        raise Refused(Code.NOT_FOUND, "There is no such version of this menu.")
    return version


def _skip(visit: Visit) -> int:
    text = visit.query.get("skip", "0")
    return min(int(text), _SKIP_MAX) if text.isascii() and text.isdigit() and len(text) < 10 else 0
