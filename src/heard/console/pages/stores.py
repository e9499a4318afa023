"""Stores: how each is and how its POS does; pausing it, who may order there, its rules, its hours, its menu pulled."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.connectors.contract import MenuUnavailable
from heard.console.gate import Gate, Handler, Visit, back, show
from heard.console.house import House
from heard.console.stores_seen import SeenStore, check_still, hours_of, read_hours, seen
from heard.domain.ids import OrganizationId, VenueId
from heard.domain.refusals import Code, Refused
from heard.domain.stores import PriceCheck
from heard.engine import oversee
from heard.engine.change_order import LeaseLost
from heard.engine.keep_menu import MenuRefused
from heard.engine.look_into_menu import last_fetch
from heard.engine.people import Visitor
from heard.engine.store_figures import figures_of
from heard.protocols.admin import operations
from heard.protocols.admin.wire import StoreView
from heard.work.menus import pull_menu

STORES: Final = "/console/stores"
_STORE: Final = f"{STORES}/{{venue_id}}"
_NUMBERS: Final = ("accept_within_s", "prep_time_min", "total_tolerance", "menu_every_min")
_FLAGS: Final = ("validate_first", "prices_include_tax", "sandbox")
_RULES: Final = (*_NUMBERS, *_FLAGS, "price_check")


class _Channel(NamedTuple):
    channel_id: str
    name: str
    organization_id: str


def routes(house: House, gate: Gate) -> list[Route]:
    """The pages, and what is done on them."""

    async def list_(visit: Visit) -> Response:
        page = await house.office.call(visit.visitor, operations.LIST_STORES, query=visit.one_page(limits.STORES_SHOWN))
        stores = await _seen(house, visit.visitor, page.stores)
        return show(visit, "stores.html", stores=stores, next=page.next, first=not visit.query.get("after"))

    async def read(visit: Visit) -> Response:
        view = await store_view(house, visit)
        (store,) = await _seen(house, visit.visitor, [view])
        kept = await oversee.store_of(house.hub, visit.visitor.organization_id, VenueId(view.venue_id))
        names = [
            one.name
            for one in await _channels(house, visit.visitor)
            if one.organization_id == view.organization_id and one.name not in view.marketplaces
        ]
        return show(
            visit,
            "store.html",
            store=store,
            fetch=await last_fetch(house.hub, kept),
            others=sorted(names),
            hours=hours_of(view),
            rules={name: _rule_text(view, name) for name in _RULES},
            price_checks=[*PriceCheck],
        )

    return [
        gate.page(STORES, list_),
        gate.page(_STORE, read),
        *_actions(house, gate),
        gate.action(f"{_STORE}/pull", _pulling(house)),
    ]


def _actions(house: House, gate: Gate) -> list[Route]:
    office = house.office

    async def pause(visit: Visit) -> Response:
        view, form = await store_view(house, visit), visit.form
        check_still(view, form.get("seen", ""))
        body: dict[str, object] = {"reason": form.get("reason", "")}
        if form.get("minutes", "").strip():
            body["duration_minutes"] = _whole(form, "minutes")
        await office.call(visit.visitor, operations.PAUSE_STORE, body, venue_id=view.venue_id)
        return _back(visit, f"{view.name} takes no new orders now; its marketplaces are told.")

    async def resume(visit: Visit) -> Response:
        view = await store_view(house, visit)
        check_still(view, visit.form.get("seen", ""))
        after = await office.call(visit.visitor, operations.RESUME_STORE, venue_id=view.venue_id)
        if after.open:
            return _back(visit, f"{view.name} takes orders again.")
        return _back(visit, f"The staff's pause of {view.name} is lifted; it stays paused, for somebody else holds it.")

    async def connect(visit: Visit) -> Response:
        body, path = {"marketplace": visit.form.get("channel", "")}, visit.path["venue_id"]
        state = await office.call(visit.visitor, operations.CONNECT_STORE, body, venue_id=path)
        can = "may send orders now" if state.new else "was connected already"
        return _back(visit, f"{state.marketplace} {can}.")

    async def disconnect(visit: Visit) -> Response:
        body, path = {"marketplace": visit.form.get("channel", "")}, visit.path["venue_id"]
        state = await office.call(visit.visitor, operations.DISCONNECT_STORE, body, venue_id=path)
        can = "sends no new orders any more; those it has sent go on" if state.new else "was not connected any more"
        return _back(visit, f"{state.marketplace} {can}.")

    async def rules(visit: Visit) -> Response:
        view = await store_view(house, visit)
        body = _changed_rules(view, visit.form)
        if not body:
            return _back(visit, "No rule was changed.")
        await office.call(visit.visitor, operations.SET_RULES, body, venue_id=view.venue_id)
        return _back(visit, f"Changed: {', '.join(name.replace('_', ' ') for name in body)}.")

    async def hours(visit: Visit) -> Response:
        view, form = await store_view(house, visit), visit.form
        if _lines(form.get("was", "")) != _lines(hours_of(view)):
            raise _changed_meanwhile("The serving times were")
        body = {"serving_times": read_hours(form.get("hours", ""))}
        after = await office.call(visit.visitor, operations.SET_HOURS, body, venue_id=view.venue_id)
        return _back(visit, "The serving times hold from now on." if after.serving_times else "It is always open now.")

    named = {
        "pause": pause,
        "resume": resume,
        "connect": connect,
        "disconnect": disconnect,
        "rules": rules,
        "hours": hours,
    }
    return [gate.action(f"{_STORE}/{name}", handler) for name, handler in named.items()]


def _pulling(house: House) -> Handler:
    """Few at once: a large menu takes memory, and whoever waits for a POS waits for a minute."""
    turns = asyncio.Semaphore(limits.MENU_PULLS_AT_ONCE)

    async def pull(visit: Visit) -> Response:
        by = visit.visitor
        store = await oversee.store_of(house.hub, by.organization_id, VenueId(visit.path["venue_id"]))
        if turns.locked():
            raise Refused(Code.UNAVAILABLE, "Other menus are being pulled just now. Try again in a minute.")
        outcome, good = "done", True
        async with turns:
            try:
                kept = await pull_menu(house.hub, house.carrier, store)
                text = _kept_text(kept.product_count, kept.changed, kept.changes)
            except MenuUnavailable as error:
                outcome, good, text = "unreachable", False, f"No menu came: {error}. The store keeps the one it had."
            except MenuRefused as refused:
                first = "; ".join(f"{one.path}: {one.message}" for one in refused.errors[:3])
                more = "" if refused.count <= 3 else f"; and {refused.count - 3} more, see below"
                outcome, good = "refused", False
                text = f"The menu is not taken over, the store keeps the one it had: {first}{more}."
            except LeaseLost:
                outcome, good, text = "lost", False, "Somebody else has fetched this menu meanwhile. Look at it again."
        await house.office.note(by, "pull_menu", store.venue_id, outcome)
        return _back(visit, text, good=good)

    return pull


async def store_view(house: House, visit: Visit) -> StoreView:
    """The store that a page is about. Raises Refused(unknown_venue)."""
    return await house.office.call(visit.visitor, operations.READ_STORE, venue_id=visit.path["venue_id"])


async def _seen(house: House, by: Visitor, views: Sequence[StoreView]) -> list[SeenStore]:
    held = any(view.pauses for view in views)
    channels = {one.channel_id: one.name for one in await _channels(house, by)} if held else {}
    keys = [(OrganizationId(view.organization_id), VenueId(view.venue_id)) for view in views]
    figures, now = await figures_of(house.hub, keys), await house.hub.now()
    return [seen(view, figures[VenueId(view.venue_id)], channels, now) for view in views]


async def _channels(house: House, by: Visitor) -> list[_Channel]:
    """Marketplaces and applications: whoever may send orders to a store, and hold it."""
    query = {"limit": str(limits.PAGE_MAX)}
    marketplaces = (await house.office.call(by, operations.LIST_MARKETPLACES, query=query)).marketplaces
    applications = (await house.office.call(by, operations.LIST_APPLICATIONS, query=query)).applications
    return [
        *(_Channel(one.marketplace_id, one.name, one.organization_id) for one in marketplaces),
        *(_Channel(one.application_id, one.name, one.organization_id) for one in applications),
    ]


def _changed_rules(view: StoreView, form: Mapping[str, str]) -> dict[str, object]:
    """What somebody changed of the rules as they saw them. Raises Refused where another has changed the same."""
    changed: dict[str, object] = {}
    for name in _RULES:
        was = form.get(f"was_{name}")
        wanted = form.get(name, "false" if name in _FLAGS else "").strip()
        if was is None or wanted == was:
            continue
        if was != _rule_text(view, name):
            raise _changed_meanwhile(f"The rule '{name.replace('_', ' ')}' was")
        changed[name] = _whole(form, name) if name in _NUMBERS else wanted == "true" if name in _FLAGS else wanted
    return changed


def _rule_text(view: StoreView, name: str) -> str:
    value = getattr(view.rules, name)
    return str(value).lower() if name in _FLAGS else str(value)


def _whole(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused(Code.INVALID_BODY, f"'{name.replace('_', ' ')}' takes a whole number. Nothing was changed.")
    return int(text)


def _changed_meanwhile(what: str) -> Refused:
    return Refused(Code.ORDER_CONFLICT, f"{what} changed by somebody meanwhile. Nothing of yours was changed.")


def _lines(text: str) -> list[str]:
    """A form's lines end as the browser likes it."""
    return text.split()


def _kept_text(product_count: int, changed: bool, changes: Mapping[str, int]) -> str:
    if not changed:
        return f"The POS was asked, and the menu has not changed: {product_count} products."
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(changes.items())) or "the first one"
    return f"A new menu is kept: {product_count} products ({counts})."


def _back(visit: Visit, text: str, *, good: bool = True) -> Response:
    return back(visit, f"{STORES}/{visit.path['venue_id']}", text, good=good)
