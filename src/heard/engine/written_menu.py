"""A store's menu as its channels get it, in the form of their protocol: written once for a version, and kept packed."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from heard.engine.judge_menu import read_document
from heard.protocols.link.menus import MenuFacts, encode_menu
from heard.protocols.ordering.menus import OrderingMenuFacts, encode_menus
from heard.storage.menus import Document

Facts = MenuFacts | OrderingMenuFacts


@dataclass(frozen=True, slots=True)
class WrittenMenu:
    """A document of some protocol, in gzip."""

    packed: bytes = field(repr=False)

    @property
    def unpacked(self) -> bytes:
        return gzip.decompress(self.packed)


def write_menu(document: Document, facts: Facts) -> WrittenMenu:
    """Work for a processor: in a thread, or in a process of its own. The same menu and facts, the same bytes."""
    menu = read_document(document)
    match facts:
        case MenuFacts():
            body = encode_menu(menu, facts)
        case OrderingMenuFacts():
            body = encode_menus(menu, facts)
        case _:
            assert_never(facts)
    return _packed(body)


def part_of(menu: WrittenMenu, pick: Callable[[bytes], bytes | None]) -> WrittenMenu | None:
    """What `pick` takes out of a document, written as one; None when that is nothing. For a thread, too."""
    body = pick(menu.unpacked)
    return None if body is None else _packed(body)


def _packed(body: bytes) -> WrittenMenu:
    return WrittenMenu(gzip.compress(body, 6, mtime=0))
