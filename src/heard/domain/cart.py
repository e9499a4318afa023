"""A cart as a guest wants it, filled from a menu: prices, taxes and names, or every place that the menu cannot serve.

What comes of it is two views of one thing: the cart that is priced, and the lines that the POS gets. Their sums agree.
Paths are those of the Ordering API's body.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from heard import limits
from heard.domain.ids import ModifierId, PriceLevelId, ProductId
from heard.domain.menu.choosing import Choosing, Taken
from heard.domain.menu.off import NOTHING_OFF, Off
from heard.domain.menu.price_book import Offered, Place, Price, PriceBook, levels_of, price_at
from heard.domain.money import MAX_CENTS, Cents, Currency
from heard.domain.order.content import FulfillmentType, Line, LineModifier
from heard.domain.order_types import OrderType
from heard.domain.pricing.cart import Cart, CartComponent, CartLine, CartModifier
from heard.domain.pricing.price import cost_of
from heard.domain.refusals import FieldError

_QUANTITY_MAX: Final = limits.CART_QUANTITY_MAX


@dataclass(frozen=True, slots=True)
class WantedModifier:
    """A choice. Without a price level of its own it costs what it does at its item's."""

    modifier_id: ModifierId
    quantity: int = 1
    modifiers: tuple["WantedModifier", ...] = ()
    price_level_id: PriceLevelId | None = None


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
    """The items first, then the combos. `comments`: of each line, for the kitchen."""

    cart: Cart
    comments: tuple[str | None, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """What the POS gets: the same names and prices, and a combo's parts as choices that cost nothing."""
        return tuple([_line(one, comment) for one, comment in zip(self.cart.lines, self.comments, strict=True)])


def fill(
    wanted: WantedCart, book: PriceBook, currency: Currency, off: Off = NOTHING_OFF
) -> Filled | tuple[FieldError, ...]:
    """A cart with its prices, or everything that is wrong with it. `off`: what of the menu was taken off it for now."""
    faults: list[FieldError] = []
    filling = _Filling(book, wanted.order_type.fulfillment, Choosing(book.sold_out, faults, "id", off))
    if not (wanted.items or wanted.combos):
        faults.append(FieldError("$.menu_items", "empty", "nothing is ordered"))
    made = [filling.item(one, f"$.menu_items[{place}]") for place, one in enumerate(wanted.items)]
    made += [filling.combo(one, f"$.combo_meals[{place}]") for place, one in enumerate(wanted.combos)]
    if faults:
        return tuple(faults)
    cart = Cart(tuple([one for one in made if one is not None]), currency, wanted.discount, wanted.tip)
    if sum([one.quantity * (one.unit_price + cost_of(one.modifiers)) for one in cart.lines]) > MAX_CENTS:
        return (FieldError("$", "too_much", "more than any order may cost"),)
    comments = [*(one.comment for one in wanted.items), *(one.comment for one in wanted.combos)]
    return Filled(cart, tuple(comments))


@dataclass(frozen=True, slots=True)
class _Filling:
    """One cart being filled."""

    book: PriceBook
    way: FulfillmentType
    choosing: Choosing

    def item(self, one: WantedItem, path: str) -> CartLine | None:
        offered = self._offered(one, path, combo=False)
        if offered is None:
            return None
        _, _, price, taxes, choices, _ = offered
        chosen = self._chosen(path, choices, one) if one.modifiers or choices[0] else ()
        return CartLine(one.id, price[0], one.quantity, self._price(price, one.price_level_id, path), chosen, taxes)

    def combo(self, one: WantedCombo, path: str) -> CartLine | None:
        """Our reading: a combo's parts cost nothing beyond its price, and come as they are: no choices of their own."""
        offered = self._offered(one, path, combo=True)
        if offered is None:
            return None
        _, _, price, taxes, choices, every = offered
        place = f"{path}.menu_items"
        parts = self.choosing.level(place, every, [_as_choice(part) for part in one.items], one.id)
        chosen = self._chosen(path, choices, one)
        cents = self._price(price, one.price_level_id, path)
        made = tuple([self._component(place, part, one.price_level_id) for part in parts])
        return CartLine(one.id, price[0], one.quantity, cents, chosen, () if made else taxes, made)

    def _offered(self, one: WantedItem | WantedCombo, path: str, *, combo: bool) -> Offered | None:
        """What the menu says of a line, if it can be a line of this kind."""
        if not 1 <= one.quantity <= _QUANTITY_MAX:
            self._odd_quantity(one.quantity, path)
        offered = self.book.offered(one.id)
        if offered is None:
            self.choosing.fault(f"{path}.id", "unknown_item", f"{one.id!r} is not on the menu")
        elif offered.is_combo and not combo:
            self.choosing.fault(f"{path}.id", "is_combo", f"{one.id!r} is a combo: order it in combo_meals")
            return None
        elif combo and not offered.is_combo:
            self.choosing.fault(f"{path}.id", "no_combo", f"{one.id!r} is no combo: order it in menu_items")
            return None
        elif offered.sold_out or one.id in self.choosing.off:
            self.choosing.gone(f"{path}.id", one.id)
        return offered

    def _odd_quantity(self, quantity: int, path: str) -> None:
        self.choosing.fault(f"{path}.quantity", "out_of_range", f"{quantity} is not from 1 to {_QUANTITY_MAX}")

    def _price(self, price: Price, level: PriceLevelId | None, path: str) -> Cents:
        if level is not None and level not in levels_of(price):
            text = f"{price[0]!r} has no price level {level!r}"
            self.choosing.fault(f"{path}.price_level_id", "unknown_price_level", text)
        return price_at(price, level, self.way)

    def _chosen(self, path: str, choices: Place, one: WantedItem | WantedCombo) -> tuple[CartModifier, ...]:
        path = f"{path}.modifiers"
        return self._modifiers(path, self.choosing.level(path, choices, one.modifiers, one.id), one.price_level_id)

    def _modifiers(
        self, path: str, taken: "Sequence[Taken[WantedModifier, Price]]", level: PriceLevelId | None
    ) -> tuple[CartModifier, ...]:
        """Our reading: what stands in several groups of one place costs what it does in the first of them."""
        found: list[CartModifier] = []
        for place, wanted, offered, below in taken:
            quantity, own, price = wanted.quantity, wanted.price_level_id, offered[0]
            if not 1 <= quantity <= _QUANTITY_MAX:
                self._odd_quantity(quantity, f"{path}[{place}]")
            cents = price_at(price, level, self.way) if own is None else self._price(price, own, f"{path}[{place}]")
            inner: tuple[CartModifier, ...] = ()
            if below:
                inner = self._modifiers(f"{path}[{place}].modifiers", below, level if own is None else own)
            found.append(CartModifier(wanted.modifier_id, price[0], quantity, cents, inner))
        return tuple(found)

    def _component(self, path: str, part: "Taken[WantedModifier, Price]", level: PriceLevelId | None) -> CartComponent:
        """What it costs alone, at the combo's level, is what the combo's money is spread by."""
        place, wanted, (price, *_), _ = part
        if not 1 <= wanted.quantity <= _QUANTITY_MAX:
            self._odd_quantity(wanted.quantity, f"{path}[{place}]")
        product_id, own = ProductId(wanted.modifier_id), wanted.price_level_id
        alone = price_at(price, level, self.way) if own is None else self._price(price, own, f"{path}[{place}]")
        return CartComponent(product_id, price[0], wanted.quantity, alone, self.book.taxes_of(product_id))


def _as_choice(part: WantedItem) -> WantedModifier:
    return WantedModifier(ModifierId(part.id), part.quantity, part.modifiers, part.price_level_id)


def _line(line: CartLine, comment: str | None) -> Line:
    parts = [LineModifier(ModifierId(one.id), one.name, one.quantity, Cents(0)) for one in line.components]
    modifiers = (*parts, *map(_modifier, line.modifiers))
    return Line(line.id, line.name, line.quantity, line.unit_price, comment, modifiers)


def _modifier(one: CartModifier) -> LineModifier:
    return LineModifier(one.id, one.name, one.quantity, one.unit_price, tuple(map(_modifier, one.modifiers)))
