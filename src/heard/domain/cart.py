"""A cart as a guest wants it, filled from a menu: prices, taxes and names, or every place that the menu cannot serve.

What comes of it is two views of one thing: the cart that is priced, and the lines that the POS gets. Their sums agree.
Paths are those of the Ordering API's body.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from heard import limits
from heard.domain.ids import ModifierId, PriceLevelId, ProductId
from heard.domain.menu.choosing import Choosing, Taken
from heard.domain.menu.model import ProductType
from heard.domain.menu.offer import Component
from heard.domain.menu.price_book import Entry, Group, Price, PriceBook, levels_of, price_at
from heard.domain.money import MAX_CENTS, Cents, Currency
from heard.domain.order.content import FulfillmentType, Line, LineModifier
from heard.domain.order_types import OrderType
from heard.domain.pricing.cart import Cart, CartComponent, CartLine, CartModifier, TaxRate
from heard.domain.refusals import FieldError


@dataclass(frozen=True, slots=True)
class WantedModifier:
    """A choice. Without a price level of its own it costs what it does at its item's."""

    id: ModifierId
    quantity: int = 1
    modifiers: tuple["WantedModifier", ...] = ()
    price_level_id: PriceLevelId | None = None

    @property
    def modifier_id(self) -> ModifierId:
        return self.id


@dataclass(frozen=True, slots=True)
class WantedItem:
    """A line of `menu_items`, or a part of a combo."""

    id: ProductId
    quantity: int = 1
    price_level_id: PriceLevelId | None = None
    modifiers: tuple[WantedModifier, ...] = ()
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class WantedCombo:
    """A line of `combo_meals`; `items` are its parts, in so many for each combo."""

    id: ProductId
    quantity: int = 1
    price_level_id: PriceLevelId | None = None
    items: tuple[WantedItem, ...] = ()
    modifiers: tuple[WantedModifier, ...] = ()
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class WantedCart:
    order_type: OrderType
    items: tuple[WantedItem, ...] = ()
    combos: tuple[WantedCombo, ...] = ()
    discount: Cents = Cents(0)
    tip: Cents = Cents(0)


@dataclass(frozen=True, slots=True)
class Filled:
    """The items first, then the combos, in both alike."""

    cart: Cart
    lines: tuple[Line, ...]


def fill(wanted: WantedCart, book: PriceBook, currency: Currency) -> Filled | tuple[FieldError, ...]:
    """A cart with its prices, or everything that is wrong with it."""
    faults = list(_quantities(wanted))
    filling = _Filling(book, wanted.order_type.fulfillment, Choosing(book.sold_out, faults, "id"))
    if not (wanted.items or wanted.combos):
        faults.append(FieldError("$.menu_items", "empty", "nothing is ordered"))
    made = [filling.item(one, f"$.menu_items[{place}]") for place, one in enumerate(wanted.items)]
    made += [filling.combo(one, f"$.combo_meals[{place}]") for place, one in enumerate(wanted.combos)]
    good = [one for one in made if one is not None]
    if not faults and sum(line.subtotal for _, line in good) > MAX_CENTS:
        faults.append(FieldError("$", "too_much", "more than any order may cost"))
    if faults:
        return tuple(faults)
    cart = Cart(tuple([cart_line for cart_line, _ in good]), currency, wanted.discount, wanted.tip)
    return Filled(cart, tuple([line for _, line in good]))


def _quantities(wanted: WantedCart) -> Iterator[FieldError]:
    """Where so many cannot be ordered, at any depth."""
    pending: list[tuple[str, WantedItem | WantedCombo | WantedModifier]] = [
        *((f"$.menu_items[{place}]", one) for place, one in enumerate(wanted.items)),
        *((f"$.combo_meals[{place}]", one) for place, one in enumerate(wanted.combos)),
    ]
    for path, one in pending:  # it grows on the way
        if not 1 <= one.quantity <= limits.CART_QUANTITY_MAX:
            text = f"{one.quantity} is not from 1 to {limits.CART_QUANTITY_MAX}"
            yield FieldError(f"{path}.quantity", "out_of_range", text)
        if isinstance(one, WantedCombo):
            pending += ((f"{path}.menu_items[{place}]", below) for place, below in enumerate(one.items))
        pending += ((f"{path}.modifiers[{place}]", below) for place, below in enumerate(one.modifiers))


@dataclass(frozen=True, slots=True)
class _Filling:
    """One cart being filled."""

    book: PriceBook
    way: FulfillmentType
    choosing: Choosing

    def item(self, one: WantedItem, path: str) -> tuple[CartLine, Line] | None:
        entry = self._entry(one, path, combo=False)
        if entry is None:
            return None
        _, price, groups, _, _ = entry
        level = one.price_level_id
        taken = self.choosing.level(f"{path}.modifiers", groups, one.modifiers, one.id)
        chosen = self._modifiers(taken, level)
        cents = self._price(price, level, path)
        cart_line = CartLine(one.id, price[0], one.quantity, cents, _for_cart(chosen), self._taxes(one.id))
        return cart_line, Line(one.id, price[0], one.quantity, cents, one.comment, chosen)

    def combo(self, one: WantedCombo, path: str) -> tuple[CartLine, Line] | None:
        """Our reading: a combo's parts cost nothing beyond its price, and come as they are: no choices of their own."""
        entry = self._entry(one, path, combo=True)
        if entry is None:
            return None
        _, price, groups, components, _ = entry
        level = one.price_level_id
        parts = [_as_choice(part) for part in one.items]
        every = tuple([self._as_group(component) for component in components])
        taken_parts = self.choosing.level(f"{path}.menu_items", every, parts, one.id)
        taken = self.choosing.level(f"{path}.modifiers", groups, one.modifiers, one.id)
        chosen = self._modifiers(taken, level)
        cents = self._price(price, level, path)
        cart_line = CartLine(
            one.id,
            price[0],
            one.quantity,
            cents,
            _for_cart(chosen),
            () if taken_parts else self._taxes(one.id),
            tuple([self._component(part, level) for part in taken_parts]),
        )
        for_pos = [LineModifier(p.wanted.id, p.offered[0][0], p.wanted.quantity, Cents(0)) for p in taken_parts]
        return cart_line, Line(one.id, price[0], one.quantity, cents, one.comment, (*for_pos, *chosen))

    def _entry(self, one: WantedItem | WantedCombo, path: str, *, combo: bool) -> "Entry | None":
        """Our reading: whatever has parts is a combo."""
        entry = self.book.entries.get(one.id)
        if entry is None:
            self.choosing.fault(f"{path}.id", "unknown_item", f"{one.id!r} is not on the menu")
            return None
        is_combo = entry[0] is ProductType.COMBO or bool(entry[3])
        if is_combo and not combo:
            self.choosing.fault(f"{path}.id", "is_combo", f"{one.id!r} is a combo: order it in combo_meals")
            return None
        if combo and not is_combo:
            self.choosing.fault(f"{path}.id", "no_combo", f"{one.id!r} is no combo: order it in menu_items")
            return None
        if one.id in self.book.sold_out:
            self.choosing.fault(f"{path}.id", "sold_out", f"{one.id!r} cannot be had now")
        return entry

    def _price(self, price: Price, level: PriceLevelId | None, path: str) -> Cents:
        if level is not None and level not in levels_of(price):
            text = f"{price[0]!r} has no price level {level!r}"
            self.choosing.fault(f"{path}.price_level_id", "unknown_price_level", text)
        return price_at(price, level, self.way)

    def _modifiers(
        self, taken: tuple[Taken[WantedModifier, Price], ...], level: PriceLevelId | None
    ) -> tuple[LineModifier, ...]:
        """Our reading: what stands in several groups of one place costs what it does in the first of them."""
        found: list[LineModifier] = []
        for path, wanted, offered, below in taken:
            own = wanted.price_level_id
            cents = price_at(offered[0], level, self.way) if own is None else self._price(offered[0], own, path)
            inner = self._modifiers(below, level if own is None else own)
            found.append(LineModifier(wanted.id, offered[0][0], wanted.quantity, cents, inner))
        return tuple(found)

    def _as_group(self, component: Component) -> Group:
        name, least, most, product_ids = component
        choices = [(ModifierId(one), self.book.entries[one][1], ()) for one in product_ids]
        return name, least, most, tuple(choices)

    def _component(self, part: Taken[WantedModifier, Price], level: PriceLevelId | None) -> CartComponent:
        """What it costs alone, at the combo's level, is what the combo's money is spread by."""
        product_id, price, own = ProductId(part.wanted.id), part.offered[0], part.wanted.price_level_id
        alone = price_at(price, level, self.way) if own is None else self._price(price, own, part.path)
        return CartComponent(product_id, price[0], part.wanted.quantity, alone, self._taxes(product_id))

    def _taxes(self, product_id: ProductId) -> tuple[TaxRate, ...]:
        return tuple([TaxRate(name, millionths) for name, millionths in self.book.taxes_of(product_id)])


def _as_choice(part: WantedItem) -> WantedModifier:
    return WantedModifier(ModifierId(part.id), part.quantity, part.modifiers, part.price_level_id)


def _for_cart(modifiers: tuple[LineModifier, ...]) -> tuple[CartModifier, ...]:
    return tuple(
        [
            CartModifier(one.modifier_id, one.name, one.quantity, one.unit_price, _for_cart(one.modifiers))
            for one in modifiers
        ]
    )
