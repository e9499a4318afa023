"""What must hold for any cart: a law raises AssertionError for one that breaks it. The proofs: docs/why/pricing.md."""

import random
from collections.abc import Callable, Iterator
from fractions import Fraction

from heard.domain.money import Cents
from heard.domain.pricing.cart import Cart, CartComponent, CartLine, PricingRules, TaxPer, TaxRate
from heard.domain.pricing.price import price
from heard.domain.pricing.priced import Priced, PricedLine
from heard.domain.pricing.proof import prove

GENTLE = 200_000  # up to 20 % the tax of a line that is split moves by a cent a line at most, whatever the cart


def it_is_proven(cart: Cart, rules: PricingRules, _: random.Random) -> None:
    """Shares sum exactly, nothing is below zero, nothing is a float, each number follows from the cart."""
    prove(price(cart, rules))


def the_order_of_lines_changes_no_total(cart: Cart, rules: PricingRules, chance: random.Random) -> None:
    """... but for the tax of an odd cent for which lines tie: it goes to the earlier of them."""
    places = list(range(len(cart.lines)))
    chance.shuffle(places)
    before = price(cart, rules)
    after = price(cart._replace(lines=tuple(cart.lines[place] for place in places)), rules)
    assert (after.subtotal, after.discount_total) == (before.subtotal, before.discount_total)
    moved = [
        line for line, place in zip(after.lines, places, strict=True) if line.discount != before.lines[place].discount
    ]
    if moved:
        remainders = {Fraction(cart.discount * line.subtotal, before.subtotal * step_of(before)) % 1 for line in moved}
        assert len(remainders) == 1, "a cent moved between lines that did not tie for it"
    taxes = sum(2 if in_combo else 1 for line in moved for _, in_combo in taxes_of_pieces(line))
    assert abs(after.tax_total - before.tax_total) <= taxes * step_of(before)
    if not moved:
        assert sorted(after.taxes) == sorted(before.taxes)
        assert after.total == before.total
    if rules.per is TaxPer.ORDER and len({rates for line in before.lines for rates in kinds_of(line.line)}) == 1:
        assert after.total == before.total, "all lines are taxed alike"


def splitting_a_line_changes_nothing(cart: Cart, rules: PricingRules, chance: random.Random) -> None:
    """... per order; with taxes per line, or a discount over lines taxed differently, by a cent per line and tax."""
    place = chance.randrange(len(cart.lines))
    line = cart.lines[place]
    parts = (line._replace(quantity=1),) * line.quantity
    before = price(cart, rules)
    after = price(cart._replace(lines=cart.lines[:place] + parts + cart.lines[place + 1 :]), rules)
    assert (after.subtotal, after.discount_total) == (before.subtotal, before.discount_total)
    apart = abs(after.tax_total - before.tax_total)
    alike = len({rates for line in cart.lines for rates in kinds_of(line)}) == 1
    if rules.per is TaxPer.ORDER and (alike or not cart.discount):
        assert apart == 0
        assert after.total == before.total
        return
    rates = [rate for line in cart.lines for rates in kinds_of(line) for rate in rates]
    assert apart <= (_off(before) + _off(after)) * step_of(before)
    if all(rate.millionths <= GENTLE for rate in rates):
        assert apart <= step_of(before) * sum(1 for line in after.lines for _ in taxes_of_pieces(line))


def inclusive_and_exclusive_agree(cart: Cart, rules: PricingRules, _: random.Random) -> None:
    """What is paid for each line, taken as prices with the tax in them, holds the tax that was added: exactly, where
    nothing has several rates; else each of them can be a cent off.
    """
    added = price(cart, rules._replace(inclusive=False))
    paid = cart._replace(lines=tuple(_as_paid(line) for line in added.lines), discount=Cents(0))
    held = price(paid, rules._replace(inclusive=True))
    assert held.total == added.total
    several = [rates for line in added.lines for rates in kinds_of(line.line) if len(rates) > 1]
    assert abs(held.tax_total - added.tax_total) <= sum(map(len, several)) * step_of(added)
    if not several:
        assert sorted(tax for tax in held.taxes) == sorted(
            tax._replace(base=Cents(tax.base + tax.amount)) for tax in added.taxes
        )


def without_a_discount_nothing_is_taken_off(cart: Cart, rules: PricingRules, _: random.Random) -> None:
    """A discount never raises what is paid; the whole subtotal off leaves tip and fees."""
    full = price(cart._replace(discount=Cents(0)), rules)
    assert all(line.discount == 0 and not line.odd for line in full.lines)
    assert full.subtotal == price(cart, rules).subtotal
    free = price(cart._replace(discount=full.subtotal), rules)
    assert free.total == cart.tip + cart.fees
    assert free.tax_total == 0


Law = Callable[[Cart, PricingRules, random.Random], None]
LAWS: tuple[Law, ...] = (
    it_is_proven,
    the_order_of_lines_changes_no_total,
    splitting_a_line_changes_nothing,
    inclusive_and_exclusive_agree,
    without_a_discount_nothing_is_taken_off,
)


def step_of(priced: Priced) -> int:
    return priced.currency.step


def kinds_of(line: CartLine) -> list[tuple[TaxRate, ...]]:
    return [part.taxes for part in line.components] if line.components else [line.taxes]


def taxes_of_pieces(line: PricedLine) -> Iterator[tuple[TaxRate, bool]]:
    """Each tax of each piece, and whether that is a part of a combo."""
    for rates in kinds_of(line.line):
        for rate in rates:
            yield rate, bool(line.components)


def _off(priced: Priced) -> Fraction:
    """How many cents its taxes are from those of exact shares at most: half a cent of rounding for each, and the tax of
    the cent by which a share is off; a combo's component has a share of a share.
    """
    return sum(
        (
            Fraction(1, 2) + Fraction(rate.millionths, 1_000_000) * (2 if in_combo else 1)
            for line in priced.lines
            for rate, in_combo in taxes_of_pieces(line)
        ),
        Fraction(0),
    )


def _as_paid(line: PricedLine) -> CartLine:
    parts = tuple(
        CartComponent(part.component.id, part.component.name, 1, part.total, part.component.taxes)
        for part in line.components
    )
    return CartLine(line.id, line.name, 1, line.total, (), line.line.taxes, parts)
