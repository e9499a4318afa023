"""A store's menu as its marketplaces get it: written once for a version, and kept packed."""

import gzip
from dataclasses import dataclass, field

from heard.engine.judge_menu import read_document
from heard.protocols.link.menus import MenuFacts, encode_menu
from heard.storage.menus import Document


@dataclass(frozen=True, slots=True)
class LinkMenu:
    """The document at menu_url, in gzip."""

    packed: bytes = field(repr=False)

    @property
    def unpacked(self) -> bytes:
        return gzip.decompress(self.packed)


def write_link_menu(document: Document, facts: MenuFacts) -> LinkMenu:
    """Work for a processor: in a thread, or in a process of its own. The same menu, the same bytes."""
    return LinkMenu(gzip.compress(encode_menu(read_document(document), facts), 6, mtime=0))
