"""A store's menu is published to its marketplaces, or withdrawn from them: then they get none and may not order."""

from heard.domain.stores import Store, StoreEvent, StoreNotice
from heard.engine.hub import Hub
from heard.engine.tell_store import tell_store
from heard.storage import menus, store_events


async def publish_menu(hub: Hub, store: Store) -> tuple[bool, str | None]:
    """False: it was published already. And the version that is out now; None: the store has no menu yet."""
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        await store_events.lock(connection, store)
        changed = await menus.publish(connection, store)
        version = await menus.published_version(connection, store)
        if changed and version is not None:
            notice = StoreNotice(StoreEvent.MENU_PUBLISHED, menu_version=version)
            await tell_store(hub, connection, store, notice, now)
    hub.forget_store(store)
    hub.wake()
    return changed, version


async def unpublish_menu(hub: Hub, store: Store) -> bool:
    """False: it was not published. New orders are refused from now on; those under way go on."""
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        await store_events.lock(connection, store)
        version = await menus.published_version(connection, store)
        changed = await menus.unpublish(connection, store)
        if changed and version is not None:
            await tell_store(hub, connection, store, StoreNotice(StoreEvent.MENU_UNPUBLISHED), now)
    hub.forget_store(store)
    hub.wake()
    return changed
