"""A cart with its prices: every number that led to the total. The result is its own proof; `proof.py` re-adds it.

`taxable` is what is left after the discount. Where prices have the tax in them it has, too: `tax` is a part of it.
"""

from typing import NamedTuple

from heard.domain.ids import ProductId
from heard.domain.money import Cents, Currency
from heard.domain.pricing.cart import Cart, CartComponent, CartLine, PricingRules


class PricedTax(NamedTuple):
    """One tax on one base: of a component, of a line, or of the whole order."""

    name: str
    millionths: int
    base: Cents
    amount: Cents


class PricedComponent(NamedTuple):
    """A part of a combo with its part of the combo's money. total: what the guest pays for it."""

    component: CartComponent
    subtotal: Cents  # of all combos of the line
    discount: Cents
    odd: bool  # got one of the cents that the spreading left over
    taxable: Cents
    taxes: tuple[PricedTax, ...]
    tax: Cents
    total: Cents


class PricedLine(NamedTuple):
    """A line; subtotal = quantity x (unit_price + modifiers). total: what the guest pays for it."""

    line: CartLine
    modifiers: Cents  # all choices of one unit, nested ones included
    subtotal: Cents
    discount: Cents
    odd: bool  # got one of the cents that the spreading left over
    taxable: Cents
    taxes: tuple[PricedTax, ...]
    tax: Cents
    total: Cents
    components: tuple[PricedComponent, ...] = ()

    @property
    def id(self) -> ProductId:
        return self.line.id

    @property
    def name(self) -> str:
        return self.line.name

    @property
    def quantity(self) -> int:
        return self.line.quantity

    @property
    def unit_price(self) -> Cents:
        """The list price of one, without its modifiers."""
        return self.line.unit_price


class Priced(NamedTuple):
    """total = subtotal - discount_total + tax_total + tip + fees, tax_total only where prices are without tax."""

    cart: Cart
    rules: PricingRules
    lines: tuple[PricedLine, ...]
    taxes: tuple[PricedTax, ...]  # each rate once, over the whole order
    subtotal: Cents
    discount_total: Cents
    tax_total: Cents
    total: Cents

    @property
    def currency(self) -> Currency:
        return self.cart.currency

    @property
    def tip(self) -> Cents:
        return self.cart.tip

    @property
    def fees(self) -> Cents:
        return self.cart.fees
