"""Fetching a store's menu from its POS: when it is due, or when somebody asks."""

import asyncio
import hashlib

from heard.connectors.contract import MenuUnavailable, Occasion
from heard.domain.stores import Store
from heard.engine.hub import Hub
from heard.engine.keep_menu import KeptMenu, keep_menu, keep_unchanged, note_failure
from heard.net.call import Answer, Carrier
from heard.storage import menus
from heard.storage.menus import Fetch, MenuVersion

_ON_DEMAND_S = 120.0  # longer than the slowest fetch: meanwhile no worker begins one


async def pull_menu(hub: Hub, outbound: Carrier, store: Store) -> KeptMenu:
    """Fetch a store's menu now, due or not. Raises what fetch_menu raises."""
    if store.pos is None:
        raise MenuUnavailable("the store has no POS to fetch a menu from; `heard menus import` gives it one")
    async with hub.connection() as connection:
        fetch = await menus.take(connection, store, _ON_DEMAND_S)
    return await fetch_menu(hub, outbound, store, fetch)


async def import_menu(hub: Hub, store: Store, body: bytes) -> KeptMenu:
    """Take a document for a store's menu, as if its POS had given it. Raises MenuRefused or LeaseLost."""
    async with hub.connection() as connection:
        fetch = await menus.take(connection, store, _ON_DEMAND_S)
        current = await menus.current(connection, store)
    return await _keep(hub, store, fetch, current, body, None)


async def fetch_menu(hub: Hub, outbound: Carrier, store: Store, fetch: Fetch) -> KeptMenu:
    """Fetch a store's menu under a lease, keep it if it is good, and write down what came of it.

    Raises MenuUnavailable (no menu came), MenuRefused (it has faults) or LeaseLost (another has fetched it meanwhile);
    in every case the store keeps the menu it had.
    """
    async with hub.connection() as connection:
        current = await menus.current(connection, store)
    now = await hub.now()
    occasion = Occasion(now, hub.new_id("call", now), None)
    answer = await outbound.send(hub.connector.menu_call(store, occasion, current.etag if current else None))
    try:
        body = hub.connector.menu_body(store, answer)
        if body is None and current is None:
            raise MenuUnavailable("no menu from the POS: it answered 304, and it has never given one")
    except MenuUnavailable as error:
        await note_failure(hub, store, fetch, str(error))
        raise
    etag = answer.headers.get("etag") if isinstance(answer, Answer) else None
    if body is None:
        assert current is not None  # see above
        return await keep_unchanged(hub, store, fetch, current, current.etag)
    return await _keep(hub, store, fetch, current, body, etag)


async def _keep(
    hub: Hub, store: Store, fetch: Fetch, current: MenuVersion | None, body: bytes, etag: str | None
) -> KeptMenu:
    body_hash = await asyncio.to_thread(lambda: hashlib.sha256(body).digest())
    if current is not None and body_hash == current.body_hash:
        return await keep_unchanged(hub, store, fetch, current, etag, body_hash)
    verdict = await hub.judge_menu(store, body, current.version if current else None)
    return await keep_menu(hub, store, fetch, current, verdict, etag, body_hash)
