"""Orders a guest might place: made from a menu, within its rules, with totals that add up."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from heard.domain.ids import ExternalOrderId, ModifierId, ProductId, VenueId
from heard.domain.menu.model import Availability, Menu, ModifierGroup, Product
from heard.domain.menu.taxes import rates_of
from heard.domain.money import Cents
from heard.domain.order.content import (
    Customer,
    Fulfillment,
    FulfillmentType,
    Line,
    LineModifier,
    OrderContent,
    PaymentMethod,
    Totals,
)
from heard.domain.pricing.allocate import allocate

_GUESTS = ("Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Femi", "Greta", "Hiro", "Ines", "Jonas", "Kofi", "Lena")
_NOTES = (None, None, None, "No cutlery, please.", "Ring twice.", "Sauce on the side.", "Allergic to sesame.")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a guest takes off the menu: so many of a product, with its choices and, of a combo, its parts."""

    product: Product
    quantity: int
    modifiers: tuple[LineModifier, ...]
    parts: tuple[Product, ...]

    @property
    def line(self) -> Line:
        """As a line of Link: what stands below a product is one list."""
        parts = tuple(LineModifier(ModifierId(part.id), part.name, 1, Cents(0)) for part in self.parts)
        product = self.product
        return Line(product.id, product.name, self.quantity, product.price, modifiers=self.modifiers + parts)


def choose(menu: Menu, chance: random.Random) -> tuple[Choice, ...]:
    """One to four things off the menu, each as the menu allows."""
    products = [product for product in menu.products() if product.availability is Availability.AVAILABLE]
    chosen = [chance.choice(products) for _ in range(chance.randint(1, 4))]
    return tuple(_choice(product, menu, chance) for product in chosen)


def guest(chance: random.Random) -> Customer:
    """Somebody who is hungry."""
    name = chance.choice(_GUESTS)
    return Customer(name, f"+1555010{chance.randint(0, 9999):04d}", f"{name.lower()}@guests.example")


def random_order(
    menu: Menu, venue_id: VenueId, external_order_id: ExternalOrderId, now: datetime, chance: random.Random
) -> OrderContent:
    """One to four lines off the menu, sometimes with a discount, a tip, or for a little later."""
    chosen = choose(menu, chance)
    lines = tuple(choice.line for choice in chosen)
    subtotal = Cents(sum(line.subtotal for line in lines))
    discount = Cents(subtotal * chance.choice((0, 0, 0, 10, 15)) // 100)
    delivery = chance.random() < 0.5
    fee = Cents(299 if delivery else 0)
    tip = Cents(chance.choice((0, 0, 150, 200, 325)))
    tax = _tax(menu, chosen, lines, discount)
    totals = Totals(subtotal, discount, tax, tip, fee, Cents(subtotal - discount + tax + tip + fee))
    return OrderContent(
        external_order_id=external_order_id,
        venue_id=venue_id,
        placed_at=now - timedelta(seconds=chance.randint(1, 5)),
        fulfillment=Fulfillment(FulfillmentType.DELIVERY if delivery else FulfillmentType.PICKUP),
        customer=guest(chance),
        lines=lines,
        totals=totals,
        currency=menu.currency or "USD",
        payment=PaymentMethod.PREPAID,
        notes=chance.choice(_NOTES),
    )


def _choice(product: Product, menu: Menu, chance: random.Random) -> Choice:
    modifiers = tuple(modifier for group in product.groups for modifier in _choices(group, chance))
    parts = tuple(
        part
        for component in product.components
        for part in _components(component.product_ids, component.min_selected, menu, chance)
    )
    return Choice(product, chance.choice((1, 1, 1, 2, 3)), modifiers, parts)


def _components(ids: tuple[ProductId, ...], count: int, menu: Menu, chance: random.Random) -> list[Product]:
    known = {one.id: one for one in menu.products()}
    available = [known[one] for one in ids if known[one].availability is Availability.AVAILABLE]
    return chance.sample(available, min(count, len(available)))


def _choices(group: ModifierGroup, chance: random.Random) -> list[LineModifier]:
    available = [modifier for modifier in group.modifiers if modifier.availability is Availability.AVAILABLE]
    most = min(group.max_selected or len(available), len(available))
    count = chance.randint(min(group.min_selected, most), most)
    return [
        LineModifier(
            modifier.id,
            modifier.name,
            1,
            modifier.price,
            tuple(below for inner in modifier.groups for below in _choices(inner, chance)),
        )
        for modifier in chance.sample(available, count)
    ]


def _tax(menu: Menu, chosen: tuple[Choice, ...], lines: tuple[Line, ...], discount: Cents) -> Cents:
    """Each line's own rate on what the discount leaves of it, half a cent up."""
    rates = {category: sum(one for _, one in rates) for category, rates in rates_of(menu.tax_rates).items()}
    shares = allocate(discount, [line.subtotal for line in lines])
    taxes = [
        Decimal(line.subtotal - share) * rates.get(choice.product.tax_category or "", 0) / 1_000_000
        for choice, line, share in zip(chosen, lines, shares, strict=True)
    ]
    return Cents(int(sum(tax.quantize(Decimal(1), ROUND_HALF_UP) for tax in taxes)))
