"""What came of fetching a menu, written down: a good one becomes the store's current one, a bad one is kept out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from heard import limits
from heard.domain import retry
from heard.domain.menu.traits import Finding, Severity
from heard.domain.stores import Store, StoreEvent, StoreNotice
from heard.engine.change_order import LeaseLost
from heard.engine.hub import Hub
from heard.engine.judge_menu import Verdict
from heard.engine.tell_store import tell_store
from heard.storage import menus
from heard.storage.menus import Fetch, MenuVersion, Outcome, Result


class MenuRefused(Exception):
    """A menu that orders cannot be taken on; the store keeps its last good one. `errors` are the first of `count`."""

    def __init__(self, errors: tuple[Finding, ...], count: int) -> None:
        super().__init__(f"{count} faults, the first: {errors[0].path}: {errors[0].message}")
        self.errors = errors
        self.count = count


@dataclass(frozen=True, slots=True)
class KeptMenu:
    """The menu in use after a fetch. `changes` counts, by kind, what differs from the one in use before."""

    version: str
    product_count: int
    changed: bool
    changes: Mapping[str, int]
    warnings: tuple[Finding, ...]
    took_ms: Mapping[str, float] = field(default_factory=dict)  # of judging it, by phase


async def keep_menu(
    hub: Hub,
    store: Store,
    fetch: Fetch,
    current: MenuVersion | None,
    verdict: Verdict,
    etag: str | None,
    body_hash: bytes,
) -> KeptMenu:
    """Keep what was judged good. Raises MenuRefused with the faults of what was not, LeaseLost when another fetched."""
    if verdict.version is None or verdict.document is None:
        failed = _failed(hub, store, fetch, Outcome.REFUSED, verdict.findings, verdict.finding_count)
        await _settle(hub, fetch, failed)
        raise MenuRefused(verdict.findings, verdict.finding_count)
    changed = current is None or current.version != verdict.version
    outcome = Outcome.KEPT if changed else Outcome.UNCHANGED
    result = replace(_went_well(hub, store, outcome), faults=verdict.findings, fault_count=verdict.finding_count)
    now = await hub.now()
    version = MenuVersion(
        verdict.version, etag, body_hash, verdict.product_count, verdict.changes, kept_at=now, fetched_at=now
    )
    async with hub.connection(limits.LONG_STATEMENT_S) as connection, connection.transaction():
        if not await menus.settle(connection, fetch, result):
            raise LeaseLost
        if changed:
            if await menus.keep(connection, store, version, verdict.document, verdict.changes):
                notice = StoreNotice(StoreEvent.MENU_PUBLISHED, menu_version=version.version)
                await tell_store(hub, connection, store, notice, now)
        else:
            await menus.seen_again(connection, store, version.version, etag, body_hash)
    if verdict.index is not None:
        hub.know_menu(store, verdict.index)
    hub.forget_store(store)
    hub.wake()
    return KeptMenu(version.version, version.product_count, changed, verdict.changes, verdict.findings, verdict.took_ms)


async def keep_unchanged(
    hub: Hub, store: Store, fetch: Fetch, current: MenuVersion, etag: str | None, body_hash: bytes | None = None
) -> KeptMenu:
    """The POS says that nothing has changed, or the bytes are the same. Raises LeaseLost."""
    async with hub.connection() as connection, connection.transaction():
        if not await menus.settle(connection, fetch, _went_well(hub, store, Outcome.UNCHANGED)):
            raise LeaseLost
        if body_hash is not None and etag != current.etag:
            await menus.seen_again(connection, store, current.version, etag, body_hash)
    return KeptMenu(current.version, current.product_count, changed=False, changes={}, warnings=())


async def note_failure(hub: Hub, store: Store, fetch: Fetch, reason: str) -> None:
    """No menu came. Raises LeaseLost."""
    fault = Finding("$", "unreachable", Severity.ERROR, reason[: limits.REASON_MAX])
    await _settle(hub, fetch, _failed(hub, store, fetch, Outcome.UNREACHABLE, (fault,), 1))


def _went_well(hub: Hub, store: Store, outcome: Outcome) -> Result:
    return Result(outcome, next_s=retry.menu_delay_s(store.rules.menu_every_min, 0, hub.chance()))


def _failed(hub: Hub, store: Store, fetch: Fetch, outcome: Outcome, faults: tuple[Finding, ...], count: int) -> Result:
    failures = fetch.failures + 1
    delay_s = retry.menu_delay_s(store.rules.menu_every_min, failures, hub.chance())
    return Result(outcome, faults, count, failures, delay_s)


async def _settle(hub: Hub, fetch: Fetch, result: Result) -> None:
    async with hub.connection() as connection:
        if not await menus.settle(connection, fetch, result):
            raise LeaseLost
