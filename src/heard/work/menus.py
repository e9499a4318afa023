"""Fetching a store's menu from its POS."""

import asyncio

from heard.connectors.contract import Occasion
from heard.domain.stores import Store
from heard.engine.hub import Hub
from heard.engine.keep_menu import KeptMenu, keep_menu
from heard.net.call import Answer
from heard.net.outbound import Outbound
from heard.storage import parties


async def pull_menu(hub: Hub, outbound: Outbound, store: Store) -> KeptMenu:
    """Fetch a store's menu and keep it if it is good.

    Raises MenuUnavailable (no menu came), Refused (it cannot be read) or MenuRefused (it fails its checks); in every
    case the store keeps the menu it had.
    """
    async with hub.connection() as connection:
        known = None
        if store.menu_version is not None:
            known = await parties.read_menu(connection, store.organization_id, store.venue_id, store.menu_version)
    now = await hub.now()
    occasion = Occasion(now, hub.new_id("call", now), None)
    answer = await outbound.send(hub.connector.menu_call(store, occasion, known.etag if known else None))
    menu = await asyncio.to_thread(hub.connector.read_menu, store, answer)
    if menu is None and known is not None:
        return KeptMenu(known.version, known.product_count, changed=False, unknown_states=())
    assert menu is not None  # "not changed" is only answered to an etag
    etag = answer.headers.get("etag") if isinstance(answer, Answer) else None
    return await keep_menu(hub, store, menu, etag)
