"""A menu that a POS gave: checked, stored by its content, made the store's current one. A bad one is kept out."""

import hashlib
from dataclasses import dataclass

from heard.domain.menu.lint import check_menu
from heard.domain.menu.model import Menu
from heard.domain.refusals import FieldError
from heard.domain.stores import Store
from heard.engine.hub import Hub
from heard.protocols.posnext.encode import encode_menu
from heard.storage import parties


class MenuRefused(Exception):
    """A menu that orders cannot be taken on; the store keeps its last good one."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__(f"{len(errors)} faults, the first: {errors[0].path}: {errors[0].message}")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class KeptMenu:
    version: str
    product_count: int
    changed: bool
    unknown_states: tuple[str, ...]


async def keep_menu(hub: Hub, store: Store, menu: Menu, etag: str | None) -> KeptMenu:
    """Keep a fetched menu. Raises MenuRefused with every fault by its JSON path."""
    errors = check_menu(menu, store.location_id)
    if errors:
        raise MenuRefused(errors)
    document = encode_menu(menu)
    version = hashlib.sha256(document).hexdigest()[:16]
    count = len({product.id for product in menu.products()})
    async with hub.connection() as connection, connection.transaction():
        await parties.keep_menu(connection, store, version, document, etag, count)
    hub.forget_store(store)
    return KeptMenu(version, count, version != store.menu_version, menu.unknown_states)
