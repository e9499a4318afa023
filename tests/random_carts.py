"""Carts by chance, of every kind there is: for the laws of pricing, which must hold for any of them."""

import random

from heard.domain.ids import ModifierId, ProductId
from heard.domain.money import Cents, Currency, currency
from heard.domain.pricing.cart import (
    Cart,
    CartComponent,
    CartLine,
    CartModifier,
    PricingRules,
    Rounding,
    TaxPer,
    TaxRate,
)

# Rates that are somewhere in force, some that divide into awkward fractions, and nothing.
RATES = (
    TaxRate("State", 82_500),
    TaxRate("City", 8_750),
    TaxRate("New York", 88_750),
    TaxRate("VAT", 190_000),
    TaxRate("VAT", 70_000),
    TaxRate("VAT", 200_000),
    TaxRate("Soda", 50_000),
    TaxRate("Third", 33_333),
    TaxRate("None", 0),
)
CURRENCIES = (currency("USD"), currency("EUR"), currency("JPY"))


def random_cart(chance: random.Random) -> tuple[Cart, PricingRules]:
    """A cart, and rules to price it by. Amounts are whole steps of the currency."""
    money = chance.choice(CURRENCIES)
    kinds = [_taxes(chance) for _ in range(chance.randint(1, 3))]
    lines = tuple(_lines(chance, money, kinds))
    subtotal = sum(line.quantity * (line.unit_price + sum(_cost(one) for one in line.modifiers)) for line in lines)
    units = subtotal // money.step
    discount = chance.choice((0, units, chance.randint(0, units), chance.randint(0, min(units, 30)))) * money.step
    tip, fees = (chance.choice((0, chance.randint(1, 900))) * money.step for _ in range(2))
    rules = PricingRules(chance.choice(list(Rounding)), chance.choice(list(TaxPer)), chance.random() < 0.4)
    return Cart(lines, money, Cents(discount), Cents(tip), Cents(fees)), rules


def _lines(chance: random.Random, money: Currency, kinds: list[tuple[TaxRate, ...]]) -> list[CartLine]:
    """Now and then the very same thing once more, in another quantity."""
    lines: list[CartLine] = []
    for place in range(chance.randint(1, 8)):
        if lines and chance.random() < 0.1:
            lines.append(chance.choice(lines)._replace(quantity=chance.randint(1, 4)))
        else:
            lines.append(_line(chance, money, kinds, place))
    return lines


def _line(chance: random.Random, money: Currency, kinds: list[tuple[TaxRate, ...]], place: int) -> CartLine:
    quantity = 1 if chance.random() < 0.6 else chance.randint(2, 9)
    modifiers = tuple(_modifier(chance, money, 2) for _ in range(chance.choice((0, 0, 1, 2))))
    line = CartLine(ProductId(f"P{place}"), f"Item {place}", quantity, _price(chance, money), modifiers)
    if chance.random() < 0.25:
        parts = tuple(
            CartComponent(
                ProductId(f"C{number}"),
                f"Part {number}",
                chance.choice((1, 1, 2)),
                _price(chance, money),
                chance.choice(kinds),
            )
            for number in range(chance.randint(1, 4))
        )
        return line._replace(components=parts)
    return line._replace(taxes=chance.choice(kinds))


def _modifier(chance: random.Random, money: Currency, depth: int) -> CartModifier:
    below = tuple(_modifier(chance, money, depth - 1) for _ in range(chance.choice((0, 0, 1)) if depth else 0))
    return CartModifier(
        ModifierId("M"), "Choice", chance.choice((1, 1, 2)), Cents(chance.choice((0, 25, 75)) * money.step), below
    )


def _price(chance: random.Random, money: Currency) -> Cents:
    """Often alike, so that remainders tie; often tiny, so that a cent is much."""
    units = chance.choice((0, 1, 2, 3, 5, 10, 333, 500, 1000, chance.randint(1, 2500), chance.randint(1, 90)))
    return Cents(units * money.step)


def _taxes(chance: random.Random) -> tuple[TaxRate, ...]:
    return tuple(chance.sample(RATES, chance.choice((0, 1, 1, 1, 1, 2, 3))))


def _cost(modifier: CartModifier) -> int:
    return modifier.quantity * (modifier.unit_price + sum(_cost(one) for one in modifier.modifiers))
