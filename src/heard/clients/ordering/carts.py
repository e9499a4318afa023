"""Carts, written by an application. What is in one is checked as it is made: what no hub would take raises ValueError.

A cart names things of the menu and holds no prices: what it costs, the hub says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from heard import limits
from heard.domain.money import MAX_CENTS
from heard.domain.order_types import OrderType

_AMOUNT: Final = "give a whole number of cents such as 250"


@dataclass(frozen=True, slots=True)
class Modifier:
    """A choice on a line; it counts once for each of what it hangs on, times its quantity."""

    id: str
    quantity: int = 1
    modifiers: tuple["Modifier", ...] = ()
    price_level_id: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A line: so many of a product of the menu, at a price level where the product has several."""

    id: str
    quantity: int = 1
    price_level_id: str | None = None
    modifiers: tuple[Modifier, ...] = ()
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Combo:
    """A combo with what was chosen for its parts."""

    id: str
    items: tuple[Item, ...]
    quantity: int = 1
    price_level_id: str | None = None
    modifiers: tuple[Modifier, ...] = ()
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Cart:
    """What is to be priced and ordered. `pickup_at` None: as soon as possible. Amounts are whole cents.

    `discount`: what a loyalty provider of yours takes off, 0 for none; apply_external_discount sets it.
    """

    singular_point_id: str
    order_type: OrderType
    items: tuple[Item, ...]
    combos: tuple[Combo, ...]
    discount: int = 0
    tip: int = 0
    pickup_at: datetime | None = None
    delivery_address: str | None = field(default=None, repr=False)
    delivery_comment: str | None = field(default=None, repr=False)
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """Who orders; nothing of it shows in a log."""

    email: str | None = field(default=None, repr=False)
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    phone_number: str | None = field(default=None, repr=False)


def new_cart(
    singular_point_id: str,
    order_type: int,
    lines: Sequence[Item | Combo],
    *,
    tip: int = 0,
    pickup_at: datetime | None = None,
    delivery_address: str | None = None,
    delivery_comment: str | None = None,
    notes: str | None = None,
) -> Cart:
    """A cart for one singular point (its UUID), which a venue's areas name.

    `order_type` is the documented number, or a name of OrderType: 1 table service, 4 dine-in pickup, 6 takeout,
    7 delivery, 9 foodspot. A `pickup_at` without a zone is the venue's local time; with one it is what it says.
    """
    try:
        known = OrderType(order_type)
    except ValueError:
        names = ", ".join(f"{one.value} ({one.word})" for one in OrderType)
        raise ValueError(f"order_type: {order_type!r} is none of {names}") from None
    if known.asap_only and pickup_at is not None:
        raise ValueError(f"pickup_at: order type {known.value} is for now only")
    if not lines:
        raise ValueError("lines: a cart without an item or a combo cannot be ordered")
    return Cart(
        singular_point_id=_id("singular_point_id", singular_point_id),
        order_type=known,
        items=tuple(line for line in lines if isinstance(line, Item)),
        combos=tuple(line for line in lines if isinstance(line, Combo)),
        tip=whole_cents("tip", tip, 0),
        pickup_at=pickup_at,
        delivery_address=delivery_address,
        delivery_comment=delivery_comment,
        notes=notes,
    )


def item(
    item_id: str,
    *,
    quantity: int = 1,
    price_level_id: str | None = None,
    modifiers: Sequence[Modifier] = (),
    comment: str | None = None,
) -> Item:
    """A line of a cart, or a choice for a part of a combo."""
    return Item(_id("item_id", item_id), _quantity(quantity), price_level_id, tuple(modifiers), comment)


def combo(
    combo_id: str,
    items: Sequence[Item],
    *,
    quantity: int = 1,
    price_level_id: str | None = None,
    modifiers: Sequence[Modifier] = (),
    comment: str | None = None,
) -> Combo:
    """A combo; `items` are what was chosen for its parts, in each of them."""
    chosen = tuple(items)
    return Combo(_id("combo_id", combo_id), chosen, _quantity(quantity), price_level_id, tuple(modifiers), comment)


def modifier(
    modifier_id: str, *, quantity: int = 1, modifiers: Sequence[Modifier] = (), price_level_id: str | None = None
) -> Modifier:
    """A choice on a line; it counts once for each of what it hangs on, times its quantity. Without a price level of its
    own it has its item's.
    """
    return Modifier(_id("modifier_id", modifier_id), _quantity(quantity), tuple(modifiers), price_level_id)


def apply_external_discount(cart: Cart, cents: int) -> Cart:
    """The cart with a discount of your own on it, in whole cents; the cart that was given stays as it is.

    The hub spreads it over all items and combos by their prices, exact to the cent, and takes the taxes on what is
    left. Raises ValueError for what is no whole number of cents above 0, and for a second discount: an order has one
    at most. One above the subtotal is refused by the hub, who knows the prices.
    """
    if cart.discount:
        raise ValueError(f"cents: the cart has a discount of {cart.discount} already, and an order has one at most")
    return replace(cart, discount=whole_cents("cents", cents, 1))


def whole_cents(name: str, value: object, least: int) -> int:
    """The amount, if it is one. Raises ValueError for a float, a boolean, a text, and what is out of bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name}: {_AMOUNT}, not {value!r}")
    if not least <= value <= MAX_CENTS:
        bounds = "above 0" if least == 1 and value < 1 else f"from {least} to {MAX_CENTS}"
        raise ValueError(f"{name}: {_AMOUNT}, {bounds}; not {value}")
    return value


def _quantity(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limits.CART_QUANTITY_MAX:
        raise ValueError(f"quantity: give a whole number from 1 to {limits.CART_QUANTITY_MAX}, not {value!r}")
    return value


def _id(name: str, value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= limits.ID_MAX:
        raise ValueError(f"{name}: give an id of 1 to {limits.ID_MAX} characters, not {str(value)[:40]!r}")
    return value
