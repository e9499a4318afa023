"""A posnext menu's bytes to our words: every fault of a body is told by its JSON path. Source: wire.md 1.7.

A long menu is cut into its products' bytes first, so that what was read before is not read again, and no step takes
the whole of it at once. Where a body cannot be cut beyond doubt, it is read as one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import chain, islice

import msgspec

from heard import limits
from heard.domain.ids import LocationId, ModifierId, ProductId
from heard.domain.menu.model import (
    Availability,
    ComboComponent,
    Menu,
    MenuSection,
    Modifier,
    ModifierGroup,
    Product,
    ProductType,
)
from heard.domain.money import Cents, MoneyError, currency
from heard.domain.refusals import FieldError, Refused
from heard.domain.stores import Amounts
from heard.protocols import strict_json
from heard.protocols.posnext import wire
from heard.protocols.posnext.decode import read_amount
from heard.protocols.posnext.status import read_availability, read_word
from heard.protocols.strict_json import invalid_body

_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?")
_BATCH = 200  # products parsed at a time
_ABOVE = b"[[[", b"]]]"  # with the batch's own bracket: as deep as a product stands in a menu


class _Where:
    """A place in a product, spelled out only if something is wrong there."""

    __slots__ = ("above", "number", "word")

    def __init__(self, above: "_Where | None", word: str, number: int) -> None:
        self.above, self.word, self.number = above, word, number

    def __str__(self) -> str:
        return f"{self.above or ''}.{self.word}[{self.number}]"


@dataclass(frozen=True, slots=True)
class ReadProduct:
    """A product's bytes as they were understood. Paths are from the product on; None: it has faults."""

    product: Product | None
    faults: tuple[FieldError, ...] = ()
    unknown_states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Cut:
    """A body without its products, and each section's products apart."""

    rest: object
    products: Sequence[Sequence[bytes | object]]


def decode_menu(raw: bytes) -> Menu:
    """Raises Refused: malformed_json, or invalid_body with every fault. A long one takes a second: not on a loop."""
    return read_menu(raw, {})[0]


def read_menu(raw: bytes, known: Mapping[bytes, ReadProduct]) -> tuple[Menu, dict[bytes, ReadProduct]]:
    """A menu, and its products by their bytes, for the next one to be read beside. Raises Refused like decode_menu."""
    cut = _cut_bytes(raw)
    read = None if cut is None else _read_slices(cut.products, known)
    if cut is None or read is None:
        cut, read = _cut_values(strict_json.parse(raw)), {}
    faults: list[FieldError] = []
    header = _header(cut.rest, faults)
    if sum(map(len, cut.products)) > limits.MENU_PRODUCTS_MAX:
        raise invalid_body(FieldError("$.menus", "too_many", f"more than {limits.MENU_PRODUCTS_MAX} products"))
    found = [
        [read[one] for one in products] if read else list(_read_values(products))  # type: ignore[index]
        for products in cut.products
    ]
    unknown: list[str] = []
    for place, products in enumerate(found):
        for number, one in enumerate(products):
            if one.faults or one.unknown_states:
                path = f"$.menus[{place}].products[{number}]"
                faults.extend(replace(fault, path=path + fault.path) for fault in one.faults)
                unknown.extend(path + state for state in one.unknown_states)
    if faults or header is None:
        raise invalid_body(*faults[: limits.FIELD_ERRORS_MAX])
    sections = tuple(
        MenuSection(section.id, section.name, tuple(one.product for one in products if one.product is not None))
        for section, products in zip(header.menus, found, strict=True)
    )
    menu = Menu(
        location_id=LocationId(header.location_id),
        sections=sections,
        tax_rates=tuple((header.tax_rates or {}).items()),
        currency=header.currency,
        version=header.version,
        unknown_states=tuple(unknown),
    )
    return menu, read


# --- cutting a body into its products ---------------------------------------------------------------------------


class _RawSection(msgspec.Struct):
    products: list[msgspec.Raw]


class _RawDocument(msgspec.Struct):
    menus: list[_RawSection]


_RAW = msgspec.json.Decoder(_RawDocument)


def _cut_bytes(raw: bytes) -> _Cut | None:
    """None when there is any doubt. What is cut out is put to the strict reader, and so is what is left.

    Only objects are cut out, and only where nothing but a comma stands between two. If a cut were made elsewhere than
    in a section's products, these would still be there in what is left.
    """
    try:
        document = _RAW.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None
    left: list[bytes] = []
    cut: list[list[bytes]] = []
    at = 0
    for section in document.menus:
        first = True
        cut.append(list(map(bytes, section.products)))
        for text in cut[-1]:
            begins = raw.find(text, at)
            between = raw[at:begins] if begins >= 0 else b""
            if begins < 0 or not text.startswith(b"{") or not (first or between.strip(b" \t\r\n") == b","):
                return None
            if first:
                left.append(between)
            first, at = False, begins + len(text)
    left.append(raw[at:])
    try:
        rest = strict_json.parse(b"".join(left))
    except Refused:
        return None
    emptied = _cut_values(rest)
    if any(emptied.products) or len(emptied.products) != len(document.menus):
        return None
    return _Cut(rest, cut)


def _cut_values(document: object) -> _Cut:
    """What has another form than a menu stays in `rest`, where it is found to be wrong."""
    if not (isinstance(document, dict) and isinstance(document.get("menus"), list)):
        return _Cut(document, [])
    sections = document["menus"]
    listed = [isinstance(one, dict) and isinstance(one.get("products"), list) for one in sections]
    rest = [{**one, "products": []} if good else one for one, good in zip(sections, listed, strict=True)]
    products = [one["products"] if good else [] for one, good in zip(sections, listed, strict=True)]
    return _Cut({**document, "menus": rest}, products)


# --- products -----------------------------------------------------------------------------------------------


def _read_slices(
    products: Sequence[Sequence[bytes | object]], known: Mapping[bytes, ReadProduct]
) -> dict[bytes, ReadProduct] | None:
    """None when the strict reader takes offence at one."""
    read: dict[bytes, ReadProduct] = {}
    new: dict[bytes, None] = {}
    for text in chain.from_iterable(products):
        assert isinstance(text, bytes)
        found = known.get(text)
        if found is None:
            new[text] = None
        else:
            read[text] = found
    waiting = iter(new)
    opening, closing = _ABOVE
    while batch := list(islice(waiting, _BATCH)):
        try:
            values = strict_json.parse(b"".join([opening, b"[", b",".join(batch), b"]", closing]))
        except Refused:
            return None
        assert isinstance(values, list)
        in_batch = values[0][0][0]
        if len(in_batch) != len(batch):
            return None
        read.update(zip(batch, _read_values(in_batch), strict=True))
    return read


def _read_values(values: Sequence[object]) -> Iterator[ReadProduct]:
    """Each product by itself, so that a fault in one hides none in another."""
    try:
        shaped: Iterable[wire.Product | None] = strict_json.shape(values, list[wire.Product])
    except Refused:
        shaped = [None] * len(values)
    for value, product in zip(values, shaped, strict=True):
        try:
            yield _product(product or strict_json.shape(value, wire.Product))
        except Refused as refused:
            yield ReadProduct(None, tuple(_below(refused.errors)))


def _below(errors: Iterable[FieldError]) -> Iterator[FieldError]:
    for error in errors:
        yield replace(error, path=error.path.removeprefix("$"))


@lru_cache(maxsize=limits.MENU_PRICES_CACHE_MAX)
def _cents(text: str) -> Cents:
    """Of an amount as Python writes it: one with an exponent keeps it. The same few prices stand on every menu."""
    return read_amount(Decimal(text), "", Amounts.DECIMAL)


class _Notes:
    """What is found on the way through one product."""

    __slots__ = ("faults", "unknown_states")

    def __init__(self) -> None:
        self.faults: list[FieldError] = []
        self.unknown_states: list[str] = []

    def amount(self, value: wire.Amount, where: _Where | None) -> Cents:
        try:
            return _cents(str(value))
        except Refused as refused:
            self.faults.extend(replace(error, path=f"{where or ''}.price") for error in refused.errors)
            return Cents(0)

    def availability(self, state: str, where: _Where | None) -> Availability:
        """An unknown state counts as unavailable and is reported by its path [ours]."""
        found = read_availability(state)
        if found is None:
            self.unknown_states.append(f"{where or ''}.state")
            return Availability.UNAVAILABLE
        return found

    def type(self, word: str | None) -> ProductType:
        try:
            return read_word(ProductType, word, ".item_type") if word else ProductType.ITEM
        except Refused as refused:
            self.faults.extend(refused.errors)
            return ProductType.ITEM


def _product(product: wire.Product) -> ReadProduct:
    notes = _Notes()
    read = Product(
        ProductId(product.id),
        product.name,
        notes.amount(product.price, None),
        notes.availability(product.state, None),
        notes.type(product.item_type),
        product.description,
        product.tax_category,
        tuple(product.categories or ()),
        product.image_url,
        _groups(product.modifier_groups, None, notes) if product.modifier_groups else (),
        tuple(map(_component, product.components or ())),
    )
    if notes.faults:
        return ReadProduct(None, tuple(notes.faults))
    return ReadProduct(read, (), tuple(notes.unknown_states))


def _groups(groups: list[wire.ModifierGroup], above: _Where | None, notes: _Notes) -> tuple[ModifierGroup, ...]:
    return tuple([_group(group, _Where(above, "modifier_groups", place), notes) for place, group in enumerate(groups)])


def _group(group: wire.ModifierGroup, where: _Where, notes: _Notes) -> ModifierGroup:
    choices = [
        _modifier(one, _Where(where, "modifiers", number), notes) for number, one in enumerate(group.modifiers or ())
    ]
    return ModifierGroup(group.id, group.name, tuple(choices), group.min_selected or 0, group.max_selected)


def _modifier(modifier: wire.Modifier, where: _Where, notes: _Notes) -> Modifier:
    """Our reading: a modifier without a price costs nothing, one without a state can be had."""
    return Modifier(
        ModifierId(modifier.id),
        modifier.name,
        Cents(0) if modifier.price is None else notes.amount(modifier.price, where),
        Availability.AVAILABLE if modifier.state is None else notes.availability(modifier.state, where),
        _groups(modifier.modifier_groups, where, notes) if modifier.modifier_groups else (),
    )


def _component(component: wire.Component) -> ComboComponent:
    least = 1 if component.min_selected is None else component.min_selected
    most = max(1, least) if component.max_selected is None else component.max_selected
    product_ids = tuple(ProductId(product_id) for product_id in component.product_ids)
    return ComboComponent(component.name, product_ids, least, most)


# --- what stands around the products -----------------------------------------------------------------------------


def _header(rest: object, faults: list[FieldError]) -> wire.MenuDocument | None:
    """The document without its products; its faults are added to those there are."""
    try:
        header = strict_json.shape(rest, wire.MenuDocument)
    except Refused as refused:
        faults.extend(refused.errors)
        return None
    for category, percent in (header.tax_rates or {}).items():
        if not _PERCENT.fullmatch(percent):
            text = 'must be percent as text, such as "8.25"'
            faults.append(FieldError(f"$.tax_rates[{category!r}]", "invalid", text))
    try:
        if header.currency is not None:
            currency(header.currency)
    except MoneyError as error:
        faults.append(FieldError("$.currency", "invalid", str(error)))
    return header
