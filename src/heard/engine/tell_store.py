"""The one place that tells marketplaces about a store: an event for each, in the transaction of what it tells of."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from heard import limits
from heard.domain.channels import ChannelKind, kind_of
from heard.domain.ids import EventId, MarketplaceId
from heard.domain.menu.off import version_shown
from heard.domain.stores import Store, StoreNotice
from heard.engine.hub import WORK_CHANNEL, Hub
from heard.net import tracing
from heard.protocols.link.encode import encode_store_event
from heard.protocols.link.stores import menu_path
from heard.protocols.ordering.encode import menus_path
from heard.storage import items_off, store_events
from heard.storage.orders import Connection
from heard.storage.store_events import NewStoreEvent


async def tell_store(
    hub: Hub,
    connection: Connection,
    store: Store,
    notice: StoreNotice,
    at: datetime,
    to: Sequence[MarketplaceId] | None = None,
) -> None:
    """Tell a notice to all who are connected to the store, or to these alone. Wake the hub once it is committed.

    A menu is told as it is read now: by its version and what is off it.
    """
    sequence = await store_events.next_sequence(connection, store)
    if notice.menu_version is not None:  # the row is locked: nobody takes anything off meanwhile
        off = await items_off.ids_of(connection, store)
        notice = replace(notice, menu_version=version_shown(notice.menu_version, off))
    receivers = await store_events.connected_marketplaces(connection, store) if to is None else to
    events = [
        NewStoreEvent(
            EventId(hub.new_id("evt", at)),
            marketplace_id,
            encode_store_event(
                notice, store.venue_id, sequence, at, marketplace_id, menu_url(hub, store, marketplace_id)
            ),
        )
        for marketplace_id in receivers
    ]
    if not events:
        return
    give_up_at = at + timedelta(seconds=limits.STORE_EVENT_FOR_S)
    await store_events.tell(connection, store, events, sequence, notice.kind, at, give_up_at, tracing.current())
    await connection.execute("SELECT pg_notify($1, '')", WORK_CHANNEL)


def menu_url(hub: Hub, store: Store, reader: MarketplaceId) -> str:
    """Where a channel reads the store's menu; without an address of its own the hub gives the path alone."""
    match kind_of(reader):
        case ChannelKind.MARKETPLACE:
            path = menu_path(store.venue_id)
        case ChannelKind.APPLICATION:
            path = menus_path(store.venue_id)
    return (hub.public_url or "") + path
