"""Orders a guest might place: made from a menu, within its rules, with totals that add up."""

import random
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


def random_order(
    menu: Menu, venue_id: VenueId, external_order_id: ExternalOrderId, now: datetime, chance: random.Random
) -> OrderContent:
    """One to four lines off the menu, sometimes with a discount, a tip, or for a little later."""
    products = [product for product in menu.products() if product.availability is Availability.AVAILABLE]
    chosen = [chance.choice(products) for _ in range(chance.randint(1, 4))]
    lines = tuple(_line(product, menu, chance) for product in chosen)
    subtotal = Cents(sum(line.subtotal for line in lines))
    discount = Cents(subtotal * chance.choice((0, 0, 0, 10, 15)) // 100)
    delivery = chance.random() < 0.5
    fee = Cents(299 if delivery else 0)
    tip = Cents(chance.choice((0, 0, 150, 200, 325)))
    tax = _tax(menu, chosen, lines, discount)
    totals = Totals(subtotal, discount, tax, tip, fee, Cents(subtotal - discount + tax + tip + fee))
    guest = chance.choice(_GUESTS)
    return OrderContent(
        external_order_id=external_order_id,
        venue_id=venue_id,
        placed_at=now - timedelta(seconds=chance.randint(1, 5)),
        fulfillment=Fulfillment(FulfillmentType.DELIVERY if delivery else FulfillmentType.PICKUP),
        customer=Customer(guest, f"+1555010{chance.randint(0, 9999):04d}", f"{guest.lower()}@guests.example"),
        lines=lines,
        totals=totals,
        currency=menu.currency or "USD",
        payment=PaymentMethod.PREPAID,
        notes=chance.choice(_NOTES),
    )


def _line(product: Product, menu: Menu, chance: random.Random) -> Line:
    modifiers = tuple(modifier for group in product.groups for modifier in _choices(group, chance))
    names = {one.id: one.name for one in menu.products()}
    parts = tuple(
        LineModifier(ModifierId(choice), names[choice], 1, Cents(0))
        for component in product.components
        for choice in _components(component.product_ids, component.min_selected, menu, chance)
    )
    quantity = chance.choice((1, 1, 1, 2, 3))
    return Line(product.id, product.name, quantity, product.price, modifiers=modifiers + parts)


def _components(ids: tuple[ProductId, ...], count: int, menu: Menu, chance: random.Random) -> list[ProductId]:
    states = {one.id: one.availability for one in menu.products()}
    available = [choice for choice in ids if states[choice] is Availability.AVAILABLE]
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


def _tax(menu: Menu, products: list[Product], lines: tuple[Line, ...], discount: Cents) -> Cents:
    """Each line's own rate on what the discount leaves of it, half a cent up."""
    rates = {category: sum(one for _, one in rates) for category, rates in rates_of(menu.tax_rates).items()}
    shares = allocate(discount, [line.subtotal for line in lines])
    taxes = [
        Decimal(line.subtotal - share) * rates.get(product.tax_category or "", 0) / 1_000_000
        for product, line, share in zip(products, lines, shares, strict=True)
    ]
    return Cents(int(sum(tax.quantize(Decimal(1), ROUND_HALF_UP) for tax in taxes)))
