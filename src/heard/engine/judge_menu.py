"""A menu's bytes, judged: read, held against its checks, compared with the version in use, indexed and packed.

Pure work for a processor, no database: it may be done in a thread, or in a process of its own. What was read for a
store is remembered, so that next time only what has changed is looked at.
"""

import hashlib
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec

from heard import limits
from heard.domain.ids import LocationId
from heard.domain.menu.diff import diff_menus
from heard.domain.menu.index import MenuIndex, index_menu
from heard.domain.menu.lint import errors_of, lint_menu
from heard.domain.menu.model import Menu, MenuSection, Product
from heard.domain.menu.price_book import PriceBook, book_of
from heard.domain.menu.traits import Finding, SectionTraits, Severity, Traits, traits_of, traits_of_section
from heard.domain.refusals import FieldError, Refused
from heard.protocols.posnext.menus import Shelves, read_menu
from heard.storage.menus import Document

# Compression leaves the interpreter to others: done beside the reading, it costs hardly any time of its own.
_PACKING = ThreadPoolExecutor(1, "pack")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a menu's bytes come to. `version` None: it has errors and is kept out. `findings` are the first few."""

    version: str | None
    product_count: int
    findings: tuple[Finding, ...]
    finding_count: int
    changes: Mapping[str, int]
    document: Document | None
    index: MenuIndex | None
    took_ms: Mapping[str, float] = field(default_factory=dict)
    book: PriceBook | None = None  # only where it was asked for


class _Stopwatch:
    """How long each phase took, told in order."""

    def __init__(self) -> None:
        self._at = time.perf_counter()
        self.took_ms: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.took_ms[phase] = round((now - self._at) * 1000, 1)
        self._at = now


_NO_RULES = b',"prices":[]'  # as no text can spell it: its quotes would be escaped
_Part = tuple[Traits, bytes]  # of a product: what follows from it, and the hash of it


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A section's products with what follows from each, by its identity: they are held on to as long as this is."""

    products: tuple[Product, ...]
    parts: dict[int, _Part]
    traits: SectionTraits
    digest: bytes


@dataclass(frozen=True, slots=True)
class _Memory:
    """A store's menu as it was read last."""

    version: str
    menu: Menu
    read: Shelves
    shelves: dict[int, _Shelf]

    @property
    def product_count(self) -> int:
        return sum(len(section.products) for section in self.menu.sections)


class MenuJudge:
    """Judges menus, and remembers the last few stores'."""

    def __init__(self, products_max: int) -> None:
        self._products_max = products_max
        self._memory: OrderedDict[str, _Memory] = OrderedDict()

    def judge(
        self, key: str, body: bytes, location_id: LocationId, before: tuple[str, Document | None] | None = None
    ) -> Verdict:
        """Judge the menu of the store `key`; `before` is the version in use, without its document if remembered."""
        watch = _Stopwatch()
        packing = _PACKING.submit(Document.pack, body)
        known = self._memory.get(key)
        if before is not None and (known is None or known.version != before[0]):
            assert before[1] is not None  # it is not remembered
            known = self._recall(before[0], before[1])
        try:
            menu, read = read_menu(body, known.read if known else {})
        except Refused as refused:
            return _kept_out(_findings_of(refused))
        watch.lap("read")
        shelves = _shelves(menu, known.shelves if known else {})

        def traits(section: MenuSection) -> SectionTraits:
            return shelves[id(section.products)].traits

        watch.lap("digest")
        findings = lint_menu(menu, location_id, traits)
        if errors_of(findings):
            return _kept_out(findings)
        watch.lap("check")
        version = _version(menu, shelves)
        changes = Counter(change.kind.value for change in diff_menus(known.menu, menu)) if known else Counter()
        watch.lap("compare")
        self._remember(key, _Memory(version, menu, read, shelves))
        index = index_menu(menu, version, traits)
        watch.lap("index")
        document = packing.result()
        watch.lap("pack")
        return Verdict(
            version,
            len(index.product_types),
            findings[: limits.FIELD_ERRORS_MAX],
            len(findings),
            dict(changes),
            document,
            index,
            watch.took_ms,
        )

    def remembers(self, key: str, version: str) -> bool:
        """Whether that version's document need not be given."""
        known = self._memory.get(key)
        return known is not None and known.version == version

    @property
    def remembered(self) -> dict[str, str]:
        """The version remembered of each store."""
        return {key: memory.version for key, memory in self._memory.items()}

    def _recall(self, version: str, document: Document) -> _Memory:
        menu, read = read_menu(document.unpacked, {})
        return _Memory(version, menu, read, _shelves(menu, {}))

    def _remember(self, key: str, memory: _Memory) -> None:
        self._memory[key] = memory
        self._memory.move_to_end(key)
        while len(self._memory) > 1 and sum(one.product_count for one in self._memory.values()) > self._products_max:
            self._memory.popitem(last=False)


def read_document(document: Document) -> Menu:
    """A version that was kept."""
    return read_menu(document.unpacked, {})[0]


def index_document(document: Document, version: str) -> MenuIndex:
    """The index of a version that was kept."""
    return index_menu(read_document(document), version)


def price_document(document: Document, version: str) -> PriceBook:
    """The price book of a version that was kept."""
    return book_of(read_document(document), version)


def lint_body(body: bytes, location_id: LocationId | None = None) -> tuple[Finding, ...]:
    """Everything that is wrong with a menu's bytes."""
    try:
        return lint_menu(read_menu(body, {})[0], location_id)
    except Refused as refused:
        return _findings_of(refused)


def _findings_of(refused: Refused) -> tuple[Finding, ...]:
    errors = refused.errors or (FieldError("$", refused.code, refused.detail),)
    return tuple(Finding(error.path, error.code, Severity.ERROR, error.message) for error in errors)


def _kept_out(findings: tuple[Finding, ...]) -> Verdict:
    errors = tuple(one for one in findings if one.severity is Severity.ERROR)
    return Verdict(None, 0, errors[: limits.FIELD_ERRORS_MAX], len(errors), {}, None, None)


def _shelves(menu: Menu, known: Mapping[int, _Shelf]) -> dict[int, _Shelf]:
    """By the identity of the sections' products. What is known of a product is not found out again."""
    parts: dict[int, _Part] = {}
    if any(id(section.products) not in known for section in menu.sections):
        for shelf in known.values():
            parts |= shelf.parts
    return {
        id(section.products): known.get(id(section.products)) or _shelf(section, parts) for section in menu.sections
    }


def _shelf(section: MenuSection, known: Mapping[int, _Part]) -> _Shelf:
    parts = {id(one): known.get(id(one)) or _part(one) for one in section.products}
    digest = hashlib.sha256(b"".join([parts[id(one)][1] for one in section.products])).digest()
    traits = traits_of_section(section, lambda product: parts[id(product)][0])
    return _Shelf(section.products, parts, traits, digest)


def _part(product: Product) -> _Part:
    """What has no price rules is the same thing as before menus could have them, and keeps its version."""
    return traits_of(product), hashlib.sha256(msgspec.json.encode(product).replace(_NO_RULES, b"")).digest()


def _version(menu: Menu, shelves: Mapping[int, _Shelf]) -> str:
    """Of what a diff would tell, and of nothing else: the same content is the same version, whatever its bytes."""
    sections = [(one.id, one.name, shelves[id(one.products)].digest.hex()) for one in menu.sections]
    whole = msgspec.json.encode([menu.location_id, menu.currency, menu.tax_rates, sections])
    return hashlib.sha256(whole).hexdigest()[:16]
