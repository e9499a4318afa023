"""A store is paused and goes on. Each side lifts its own pause only; the store is open when nobody holds one.

Marketplaces are told when it closes and when it opens again, and of nothing in between.
"""

from datetime import datetime, timedelta

import structlog

from heard import limits
from heard.domain.refusals import FieldError
from heard.domain.stores import Pause, Store, StoreEvent, StoreNotice
from heard.engine.hub import Hub
from heard.engine.read_stores import unknown_to
from heard.engine.tell_store import tell_store
from heard.protocols.strict_json import invalid_body
from heard.storage import pauses, store_events
from heard.storage.orders import Connection
from heard.storage.pauses import EndedPause

log = structlog.get_logger()


async def pause_store(
    hub: Hub, store: Store, held_by: str, reason: str, duration_min: int | None = None, *, connected: bool = False
) -> Pause:
    """Hold a store, in place of an earlier hold of one's own. Without a duration, until it is lifted.

    Raises Refused: invalid_body for a reason or a duration out of bounds; with `connected`, unknown_venue when the
    holder is a marketplace that is not connected, so that nobody holds a store who could not let go of it.
    """
    reason = _checked(reason, duration_min)
    now = await hub.now()
    until = now + timedelta(minutes=duration_min) if duration_min is not None else None
    pause = Pause(held_by, reason, now, until)
    async with hub.connection() as connection, connection.transaction():
        await store_events.lock(connection, store)
        if connected and held_by not in await store_events.connected_marketplaces(connection, store):
            raise unknown_to(store.venue_id)
        await hold(hub, connection, store, pause)
    hub.wake()
    return pause


async def resume_store(hub: Hub, store: Store, held_by: str) -> bool:
    """Let go of one's own hold, if there is one. True when that opened the store."""
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        opened = await lift(hub, connection, store, held_by, now)
    hub.wake()
    return opened


async def end_pause(hub: Hub, ended: EndedPause) -> None:
    """Lift a pause whose time has come. One that was lifted or made longer meanwhile is left alone."""
    store = await hub.store(ended.venue_id)
    assert store is not None  # a store is never deleted
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        opened = await lift(hub, connection, store, ended.held_by, now, ended=True)
    if opened:
        log.info("a pause has ended", venue_id=store.venue_id, held_by=ended.held_by)
        hub.wake()


async def hold(hub: Hub, connection: Connection, store: Store, pause: Pause) -> None:
    """Within a transaction: hold the store, and tell it if nobody held it."""
    if await pauses.hold(connection, store, pause):
        await tell_store(hub, connection, store, pause.notice, pause.since)


async def lift(
    hub: Hub, connection: Connection, store: Store, held_by: str, now: datetime, *, ended: bool = False
) -> bool:
    """Within a transaction: let go of a hold, and tell it if that opens the store."""
    opened = await pauses.lift(connection, store, held_by, ended=ended)
    if opened:
        await tell_store(hub, connection, store, StoreNotice(StoreEvent.RESUMED, by=held_by), now)
    return opened


def _checked(reason: str, duration_min: int | None) -> str:
    reason = reason.strip()
    errors = []
    if not reason or len(reason) > limits.REASON_MAX:
        text = f"say why, in 1 to {limits.REASON_MAX} characters"
        errors.append(FieldError("$.reason", "out_of_range", text))
    if duration_min is not None and not 1 <= duration_min <= limits.PAUSE_MINUTES_MAX:
        text = f"1 to {limits.PAUSE_MINUTES_MAX} whole minutes, or none for a pause without an end"
        errors.append(FieldError("$.duration_minutes", "out_of_range", text))
    if errors:
        raise invalid_body(*errors)
    return reason
