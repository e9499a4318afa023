"""A cart that is ready to be priced: it knows its prices and its taxes, and nothing of menus, stores or channels.

Plain tuples, since a cart is priced while a guest waits. Amounts are whole cents; no float and no decimal comes here.
"""

from enum import StrEnum
from typing import NamedTuple

from heard.domain.ids import ModifierId, ProductId
from heard.domain.money import Cents, Currency

WHOLE_MILLIONTHS = 1_000_000  # a rate of 100 %, and the highest there is


class CartError(ValueError):
    """A cart that has no price: an amount below zero or no whole number, a quantity of none, a rate above 100 %."""


class DiscountExceedsSubtotal(CartError):
    """More is taken off than the cart costs. Shows both, in cents."""

    def __init__(self, discount: Cents, subtotal: Cents) -> None:
        super().__init__(f"a discount of {discount} cents exceeds the subtotal of {subtotal}")
        self.discount = discount
        self.subtotal = subtotal


class Rounding(StrEnum):
    """Where half a cent goes: up, or to the even neighbour."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


class TaxPer(StrEnum):
    """What a tax is summed over before it is rounded: one line, or the whole order."""

    LINE = "line"
    ORDER = "order"


class TaxRate(NamedTuple):
    """A tax by its name and its rate in millionths: 8.25 % is 82_500. One line may have several."""

    name: str
    millionths: int


class CartModifier(NamedTuple):
    """A choice; it counts once per unit of what it hangs on, times its own quantity, and is taxed as that is."""

    id: ModifierId
    name: str
    quantity: int
    unit_price: Cents
    modifiers: tuple["CartModifier", ...] = ()


class CartComponent(NamedTuple):
    """A part of a combo: so many of a product in each. The combo's money is spread over its parts by quantity x
    `list_price`, which is what one costs alone; equally where all cost nothing.
    """

    id: ProductId
    name: str
    quantity: int
    list_price: Cents
    taxes: tuple[TaxRate, ...] = ()


class CartLine(NamedTuple):
    """So many of an item, or of a combo. A line that has components is taxed by theirs, and its own taxes are none."""

    id: ProductId
    name: str
    quantity: int
    unit_price: Cents
    modifiers: tuple[CartModifier, ...] = ()
    taxes: tuple[TaxRate, ...] = ()
    components: tuple[CartComponent, ...] = ()


class Cart(NamedTuple):
    """The discount is spread over all lines; tip and fees take part in neither discount nor tax."""

    lines: tuple[CartLine, ...]
    currency: Currency
    discount: Cents = Cents(0)
    tip: Cents = Cents(0)
    fees: Cents = Cents(0)


class PricingRules(NamedTuple):
    """How an organization rounds, and whether a store's prices have the tax in them."""

    rounding: Rounding = Rounding.HALF_UP
    per: TaxPer = TaxPer.LINE
    inclusive: bool = False
