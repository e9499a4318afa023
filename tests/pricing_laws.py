"""What must hold for any cart: a law raises AssertionError for one that breaks it. The proofs: docs/why/pricing.md."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from heard.domain.money import Cents
from heard.domain.pricing.cart import Cart, CartComponent, CartLine, CartModifier, PricingRules, TaxPer, TaxRate
from heard.domain.pricing.price import price
from heard.domain.pricing.priced import Priced, PricedLine
from heard.domain.pricing.proof import prove

T = TypeVar("T")


def it_is_proven(cart: Cart, rules: PricingRules, _: random.Random) -> None:
    """Shares sum exactly, nothing is below zero, nothing is a float, each number follows from the cart."""
    prove(price(cart, rules))


def the_order_of_lines_changes_no_total(cart: Cart, rules: PricingRules, chance: random.Random) -> None:
    """... nor any sum: not even of one tax. As little does the order of a line's choices, or of a combo's parts."""
    before = price(cart, rules)
    after = price(cart._replace(lines=_shuffled([_rewritten(line, chance) for line in cart.lines], chance)), rules)
    assert sums_of(after) == sums_of(before)


def splitting_a_line_changes_nothing(cart: Cart, rules: PricingRules, chance: random.Random) -> None:
    """... but where each line is rounded, by a cent for each tax of each line."""
    place = chance.randrange(len(cart.lines))
    line = cart.lines[place]
    parts = (line._replace(quantity=1),) * line.quantity
    before = price(cart, rules)
    after = price(cart._replace(lines=cart.lines[:place] + parts + cart.lines[place + 1 :]), rules)
    if rules.per is TaxPer.ORDER:
        assert sums_of(after) == sums_of(before)
        return
    assert (after.subtotal, after.discount_total) == (before.subtotal, before.discount_total)
    apart = abs(after.tax_total - before.tax_total)
    assert apart <= step_of(before) * sum(len(tax_of_line(line.line)) for line in after.lines)
    if len(cart.lines) == 1 and not line.components and len(line.taxes) == 1:
        assert apart <= step_of(before) * line.quantity, "a cent a line"


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


def tax_of_line(line: CartLine) -> set[TaxRate]:
    """What is rounded on a line of its own: parts of a combo that have the same tax are rounded together."""
    return {rate for rates in kinds_of(line) for rate in rates}


def sums_of(priced: Priced) -> object:
    """Everything that is said of the order as a whole."""
    return priced.subtotal, priced.discount_total, sorted(priced.taxes), priced.tax_total, priced.total


def _rewritten(line: CartLine, chance: random.Random) -> CartLine:
    return line._replace(
        modifiers=_rewritten_choices(line.modifiers, chance), components=_shuffled(line.components, chance)
    )


def _rewritten_choices(choices: Sequence[CartModifier], chance: random.Random) -> tuple[CartModifier, ...]:
    written = [one._replace(modifiers=_rewritten_choices(one.modifiers, chance)) for one in choices]
    return _shuffled(written, chance)


def _shuffled(things: Sequence[T], chance: random.Random) -> tuple[T, ...]:
    return tuple(chance.sample(things, len(things)))


def _as_paid(line: PricedLine) -> CartLine:
    parts = tuple(
        CartComponent(part.component.id, part.component.name, 1, part.total, part.component.taxes)
        for part in line.components
    )
    return CartLine(line.id, line.name, 1, line.total, (), line.line.taxes, parts)
