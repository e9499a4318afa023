"""A posnext menu's bytes to our words: every fault of a body is told by its JSON path. Source: wire.md 1.7.

A long menu is cut into its products' bytes first, so that what was read before is not read again, and no step takes
the whole of it at once. Where a body cannot be cut beyond doubt, it is read as one.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import islice

import msgspec

from heard import limits
from heard.domain.ids import LocationId, ModifierId, PriceLevelId, ProductId
from heard.domain.menu.model import (
    Availability,
    ComboComponent,
    Menu,
    MenuSection,
    Modifier,
    ModifierGroup,
    PriceRule,
    Product,
    ProductType,
)
from heard.domain.menu.taxes import Rates, millionths
from heard.domain.money import Cents, MoneyError, currency
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.stores import Amounts
from heard.protocols import strict_json, typed
from heard.protocols.posnext import wire
from heard.protocols.posnext.decode import read_amount
from heard.protocols.posnext.status import read_availability, read_word
from heard.protocols.strict_json import invalid_body

_BATCH = 200  # products parsed at a time
_HEAD = 256  # bytes by which a section's products are looked for
_DEPTH = 4  # of the brackets that a product stands in
_ABOVE = b"[" * _DEPTH, b"]" * _DEPTH


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
class Shelf:
    """A section's products as they were understood: the good ones, those that something is to be said of by their
    number, and all of them by their bytes.
    """

    products: tuple[Product, ...]
    remarkable: tuple[tuple[int, ReadProduct], ...]
    count: int
    by_text: Mapping[bytes, ReadProduct]


Shelves = Mapping[bytes, Shelf]  # by the hash of a section's products as they stood in a body


@dataclass(frozen=True, slots=True)
class _Cut:
    """A body without its products, and each section's products apart: as bytes, or parsed."""

    rest: object
    products: Sequence[bytes | list[object]]


def decode_menu(raw: bytes) -> Menu:
    """Raises Refused: malformed_json, or invalid_body with every fault. A long one takes a second: not on a loop."""
    return read_menu(raw, {})[0]


def read_menu(raw: bytes, known: Shelves) -> tuple[Menu, Shelves]:
    """A menu, and its shelves, for the next one to be read beside. Raises Refused like decode_menu."""
    cut = _cut_bytes(raw)
    try:
        read = None if cut is None else _read_cut(cut, known)
    except Refused:  # found in a part; it is told of the whole
        read = None
    if cut is None or read is None:
        cut = _cut_values(strict_json.parse(raw))
        read = [(b"", _shelf(list(_read_values(values)), {})) for values in cut.products if isinstance(values, list)]
    faults: list[FieldError] = []
    unknown: list[str] = []
    header = _header(cut.rest, faults)
    if sum(shelf.count for _, shelf in read) > limits.MENU_PRODUCTS_MAX:
        raise invalid_body(FieldError("$.menus", "too_many", f"more than {limits.MENU_PRODUCTS_MAX} products"))
    for place, (_, shelf) in enumerate(read):
        for number, one in shelf.remarkable:
            path = f"$.menus[{place}].products[{number}]"
            faults.extend(replace(fault, path=path + fault.path) for fault in one.faults)
            unknown.extend(path + state for state in one.unknown_states)
    if faults or header is None:
        raise invalid_body(*faults[: limits.FIELD_ERRORS_MAX])
    sections = zip(header.menus, read, strict=True)
    menu = Menu(
        location_id=LocationId(header.location_id),
        sections=tuple(MenuSection(section.id, section.name, shelf.products) for section, (_, shelf) in sections),
        tax_rates=tuple((category, _rates(rates)) for category, rates in (header.tax_rates or {}).items()),
        currency=header.currency,
        version=header.version,
        unknown_states=tuple(unknown),
    )
    return menu, dict(read)


# --- cutting a body into its products ---------------------------------------------------------------------------


class _RawSection(msgspec.Struct):
    products: msgspec.Raw


class _RawDocument(msgspec.Struct):
    menus: list[_RawSection]


_DOCUMENT = typed.decoder(_RawDocument)
_ARRAY = typed.decoder(list[msgspec.Raw])


def _cut_bytes(raw: bytes) -> _Cut | None:
    """None when there is any doubt. What is cut out is put to the strict reader, and so is what is left.

    If a cut were made elsewhere than at a section's products, these would still be there in what is left.
    """
    try:
        document = _DOCUMENT.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None
    cut = [bytes(section.products) for section in document.menus]
    left: list[bytes] = []
    at = 0
    for array in cut:
        begins = _find(raw, array, at)
        if begins < 0 or not array.startswith(b"["):
            return None
        left += (raw[at:begins], b"[]")
        at = begins + len(array)
    left.append(raw[at:])
    try:
        rest = strict_json.parse(b"".join(left))
    except Refused:
        return None
    emptied = _cut_values(rest)
    if any(emptied.products) or len(emptied.products) != len(cut):
        return None
    return _Cut(rest, cut)


def _find(raw: bytes, array: bytes, at: int) -> int:
    """As raw.find(array, at), for arrays of megabytes: looking for so long a thing at once takes many times as long."""
    head = array[:_HEAD]
    begins = raw.find(head, at)
    while begins >= 0 and not raw.startswith(array, begins):
        begins = raw.find(head, begins + 1)
    return begins


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


def _read_cut(cut: _Cut, known: Shelves) -> list[tuple[bytes, Shelf]]:
    """Raises Refused when the strict reader takes offence at a product."""
    read: list[tuple[bytes, Shelf]] = []
    here: dict[bytes, Shelf] = {}  # two sections of one menu may hold the same
    for array in cut.products:
        assert isinstance(array, bytes)
        name = hashlib.sha256(array).digest()
        shelf = known.get(name) or here.get(name)
        if shelf is None:
            texts = [bytes(product) for product in _ARRAY.decode(array)]
            by_text = {text: found for text in texts if (found := _known_product(text, known)) is not None}
            by_text |= _read_texts(dict.fromkeys(text for text in texts if text not in by_text))
            shelf = here[name] = _shelf([by_text[text] for text in texts], by_text)
        read.append((name, shelf))
    return read


def _known_product(text: bytes, known: Shelves) -> ReadProduct | None:
    for shelf in known.values():
        found = shelf.by_text.get(text)
        if found is not None:
            return found
    return None


def _shelf(read: Sequence[ReadProduct], by_text: Mapping[bytes, ReadProduct]) -> Shelf:
    return Shelf(
        tuple([one.product for one in read if one.product is not None]),
        tuple((number, one) for number, one in enumerate(read) if one.faults or one.unknown_states),
        len(read),
        by_text,
    )


def _read_texts(texts: Iterable[bytes]) -> dict[bytes, ReadProduct]:
    read: dict[bytes, ReadProduct] = {}
    waiting = iter(texts)
    opening, closing = _ABOVE
    while batch := list(islice(waiting, _BATCH)):
        together = b"".join([opening, b",".join(batch), closing])
        values = strict_json.parse(together)
        assert isinstance(values, list)
        in_batch = values[0][0][0]
        if len(in_batch) != len(batch):
            raise Refused(Code.MALFORMED_JSON, "The body is no list of products.")
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
        _price_rules(product.prices, None, notes) if product.prices else (),
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
        _price_rules(modifier.prices, where, notes) if modifier.prices else (),
    )


def _price_rules(rules: list[wire.PriceRule], above: _Where | None, notes: _Notes) -> tuple[PriceRule, ...]:
    return tuple([_price_rule(rule, _Where(above, "prices", place), notes) for place, rule in enumerate(rules)])


def _price_rule(rule: wire.PriceRule, where: _Where, notes: _Notes) -> PriceRule:
    level = None if rule.price_level_id is None else PriceLevelId(rule.price_level_id)
    return PriceRule(notes.amount(rule.price, where), level, rule.name, tuple(rule.order_types or ()))


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
    for category, rates in (header.tax_rates or {}).items():
        place = f"$.tax_rates[{category!r}]"
        if isinstance(rates, str):
            _check_percent(rates, place, faults)
        else:
            for number, one in enumerate(rates):
                _check_percent(one.rate, f"{place}[{number}].rate", faults)
    try:
        if header.currency is not None:
            currency(header.currency)
    except MoneyError as error:
        faults.append(FieldError("$.currency", "invalid", str(error)))
    return header


def _check_percent(percent: str, path: str, faults: list[FieldError]) -> None:
    try:
        millionths(percent)
    except ValueError as error:
        faults.append(FieldError(path, "invalid", str(error)))


def _rates(rates: str | list[wire.TaxRate]) -> Rates:
    return rates if isinstance(rates, str) else tuple([(one.name, one.rate) for one in rates])
