"""A person looks into a store's kept menus. Reading and comparing them is done away from whoever takes orders."""

from collections.abc import Collection, Sequence
from typing import cast

from heard import limits
from heard.domain.menu.diff import ChangeKind
from heard.domain.refusals import Code, Refused
from heard.domain.stores import Store
from heard.engine.hub import Hub
from heard.engine.menu_looks import Browse, Compare, Differences, Findings, Lint, Look, Names, Part
from heard.storage import menus
from heard.storage.menus import Document, LastFetch


async def browse_menu(hub: Hub, store: Store, version: str, wanted: Browse) -> Part:
    """A page of a version's products. Raises Refused(not_found)."""
    return cast("Part", await _look(hub, store, wanted, [version]))


async def compare_menus(
    hub: Hub, store: Store, before: str, after: str, kind: ChangeKind | None = None, skip: int = 0
) -> Differences:
    """What differs between two versions. Raises Refused(not_found)."""
    return cast("Differences", await _look(hub, store, Compare(kind, skip), [before, after]))


async def lint_kept(hub: Hub, store: Store, version: str, skip: int = 0) -> Findings:
    """What is wrong with a version. Raises Refused(not_found)."""
    return cast("Findings", await _look(hub, store, Lint(store.location_id, skip), [version]))


async def names_on_menu(hub: Hub, store: Store, version: str, ids: Collection[str]) -> dict[str, str]:
    """What a version calls some products and modifiers, by their ids; what it does not have is left out.

    Raises Refused(not_found).
    """
    return cast("dict[str, str]", await _look(hub, store, Names(frozenset(ids)), [version]))


async def last_fetch(hub: Hub, store: Store) -> LastFetch:
    """What came of fetching the store's menu last, and when it is due again."""
    async with hub.connection() as connection:
        return await menus.last_fetch(connection, store)


async def _look(hub: Hub, store: Store, look: Look, versions: Sequence[str]) -> object:
    documents: dict[str, Document] = {}
    async with hub.connection(limits.LONG_STATEMENT_S) as connection:
        for version in versions:
            found = await menus.read_document(connection, store.organization_id, store.venue_id, version)
            if found is None:
                raise Refused(Code.NOT_FOUND, f"{store.venue_id} has no menu version {version[:40]!r}.")
            documents[version] = found
    return await hub.look_into(store, look, [(version, documents[version]) for version in versions])
