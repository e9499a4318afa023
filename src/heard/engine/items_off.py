"""A store's staff take a product or a modifier off its menu, for a while or until they put it back.

Orders and carts with it are refused at once. Channels are told as of a menu that is published: they read it anew.
"""

from datetime import datetime, timedelta

import structlog

from heard import limits
from heard.domain.ids import OrganizationId, VenueId
from heard.domain.menu.off import ItemOff
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.stores import Store, StoreEvent, StoreNotice
from heard.engine.hub import Hub
from heard.engine.look_into_menu import names_on_menu
from heard.engine.oversee import store_of
from heard.engine.tell_store import tell_store
from heard.protocols.strict_json import invalid_body
from heard.storage import items_off, menus, store_events
from heard.storage.items_off import EndedItems
from heard.storage.orders import Connection

log = structlog.get_logger()


async def take_off(hub: Hub, store: Store, item_id: str, minutes: int | None, by: str) -> tuple[ItemOff, bool]:
    """Take an item off, for so long or until it is put back; once more: by the new time. False: it was off already.

    Raises Refused: invalid_body for an item that the menu in use does not have, or minutes out of bounds;
    menu_not_synced; order_conflict where too much is off.
    """
    if minutes is not None and not 1 <= minutes <= limits.ITEM_OFF_MINUTES_MAX:
        text = f"1 to {limits.ITEM_OFF_MINUTES_MAX} whole minutes, or none for as long as nobody puts it back"
        raise invalid_body(FieldError("$.minutes", "out_of_range", text))
    name = await _name_of(hub, store, item_id)
    now = await hub.now()
    item = ItemOff(item_id, name, by, now, None if minutes is None else now + timedelta(minutes=minutes))
    async with hub.connection() as connection, connection.transaction():
        await store_events.lock(connection, store)
        ended = await items_off.end(connection, store)
        off = await items_off.ids_of(connection, store)
        if len(off) >= limits.ITEMS_OFF_MAX and item_id not in off:
            raise _too_many(len(off))
        await items_off.take_off(connection, store, item)
        if ended or item_id not in off:
            await _tell(hub, connection, store, now)
    hub.forget_store(store)
    hub.wake()
    return item, item_id not in off


async def put_back(hub: Hub, store: Store, item_id: str) -> str | None:
    """Let an item be had again, as far as the menu has it. What it was called; None: it was not off."""
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        await store_events.lock(connection, store)
        ended = await items_off.end(connection, store)
        name = await items_off.put_back(connection, store, item_id)
        if ended or name is not None:
            await _tell(hub, connection, store, now)
    hub.forget_store(store)
    hub.wake()
    return name


async def end_items_off(hub: Hub, ended: EndedItems) -> None:
    """End what is off and whose time has come. What was taken off for longer meanwhile stays off."""
    store = await hub.store(ended.venue_id)
    assert store is not None  # a store is never deleted
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        await store_events.lock(connection, store)
        any_ended = await items_off.end(connection, store)
        if any_ended:
            await _tell(hub, connection, store, now)
    if any_ended:
        log.info("what was off the menu can be had again", venue_id=store.venue_id)
        hub.forget_store(store)
        hub.wake()


async def items_page(
    hub: Hub, organization_id: OrganizationId | None, venue_id: VenueId, count: int, after: str = ""
) -> list[ItemOff]:
    """A page of what is off at a store now, by the ids of the items. Raises Refused(unknown_venue)."""
    store = await store_of(hub, organization_id, venue_id)
    async with hub.connection() as connection:
        return await items_off.page(connection, store, count, after)


async def _name_of(hub: Hub, store: Store, item_id: str) -> str:
    """What the menu in use calls an item. Raises Refused(menu_not_synced | invalid_body)."""
    async with hub.connection() as connection:
        current = await menus.current(connection, store)
    if current is None:
        raise Refused(Code.MENU_NOT_SYNCED, "The store has no menu yet: there is nothing to take off.")
    name = (await names_on_menu(hub, store, current.version, [item_id])).get(item_id)
    if name is None:
        text = f"{item_id[: limits.ID_MAX]!r} is no product and no modifier of the menu in use"
        raise invalid_body(FieldError("$.item_id", "unknown_item", text))
    return name


async def _tell(hub: Hub, connection: Connection, store: Store, now: datetime) -> None:
    """Within a transaction: whoever may have the menu reads it anew."""
    version = await menus.published_version(connection, store)
    if version is not None:
        await tell_store(hub, connection, store, StoreNotice(StoreEvent.MENU_PUBLISHED, menu_version=version), now)


def _too_many(count: int) -> Refused:
    text = f"{count} items are off, and no more may be: unpublish the menu to sell nothing"
    return Refused(Code.ORDER_CONFLICT, f"{text}.", FieldError("$", "too_many", text))
