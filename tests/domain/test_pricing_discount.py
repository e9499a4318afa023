"""Who gets an odd cent of a discount: things rather than lines, what is taxed higher, what costs more, the earlier."""

import itertools
from collections.abc import Sequence

import pytest

from heard.domain.ids import ModifierId, ProductId
from heard.domain.money import Cents, currency
from heard.domain.pricing.cart import Cart, CartComponent, CartLine, CartModifier, PricingRules, TaxPer, TaxRate
from heard.domain.pricing.price import price
from heard.domain.pricing.proof import NotProven, prove

LOW, HIGH = (TaxRate("Low", 50_000),), (TaxRate("High", 200_000),)
PER_ORDER = PricingRules(per=TaxPer.ORDER)


def item(name: str, cents: int, taxes: tuple[TaxRate, ...] = (), quantity: int = 1) -> CartLine:
    return CartLine(ProductId(name), name, quantity, Cents(cents), (), taxes)


def combo(name: str, *parts: tuple[int, tuple[TaxRate, ...]], quantity: int = 1) -> CartLine:
    components = tuple(
        CartComponent(ProductId(f"{place}"), f"Part {place}", 1, Cents(cents), taxes)
        for place, (cents, taxes) in enumerate(parts)
    )
    return CartLine(ProductId(name), name, quantity, Cents(sum(cents for cents, _ in parts)), components=components)


def backwards(line: CartLine) -> CartLine:
    return line._replace(components=line.components[::-1])


def shares(discount: int, lines: Sequence[CartLine], rules: PricingRules = PER_ORDER) -> list[int]:
    priced = price(Cart(tuple(lines), currency("USD"), Cents(discount)), rules)
    prove(priced)
    return [line.discount for line in priced.lines]


@pytest.mark.parametrize("rules", [PER_ORDER, PricingRules()])
def test_of_lines_that_tie_the_earlier_gets_the_cent(rules: PricingRules) -> None:
    assert shares(1, [item("a", 500), item("b", 500)], rules) == [1, 0]
    assert shares(1, [item("a", 500, LOW), item("b", 500, LOW)], rules) == [1, 0]


@pytest.mark.parametrize("rules", [PER_ORDER, PricingRules()])
def test_of_lines_that_are_taxed_differently_the_one_that_is_taxed_higher_gets_it(rules: PricingRules) -> None:
    for lines in itertools.permutations([item("a", 500), item("b", 500, LOW), item("c", 500, HIGH)]):
        assert shares(1, lines, rules) == [int(line.id == "c") for line in lines]
        assert shares(2, lines, rules) == [int(line.id != "a") for line in lines]


def test_where_each_line_is_rounded_the_one_that_costs_more_gets_it() -> None:
    cheap, dear = item("cheap", 200, LOW), item("dear", 600, LOW)
    assert shares(2, [cheap, dear], PricingRules()) == [0, 2]
    assert shares(2, [dear, cheap], PricingRules()) == [2, 0]
    assert shares(2, [cheap, dear]) == [1, 1]
    assert shares(2, [dear, cheap]) == [2, 0]


def test_of_combos_that_are_taxed_alike_on_the_whole_it_is_their_parts_that_decide() -> None:
    small, large = combo("small", (1, LOW), (1, HIGH)), combo("large", (3, LOW), (3, HIGH))
    cart = Cart((small, large), currency("USD"), Cents(2))
    one, other = price(cart, PER_ORDER), price(cart._replace(lines=(large, small)), PER_ORDER)
    assert [line.discount for line in one.lines] == [line.discount for line in reversed(other.lines)]
    assert sorted(one.taxes) == sorted(other.taxes)
    for first, second in itertools.product((small, backwards(small)), (large, backwards(large))):
        again = price(cart._replace(lines=(first, second)), PER_ORDER)
        assert [line.discount for line in again.lines] == [line.discount for line in one.lines]


def test_lines_of_the_very_same_thing_count_as_one() -> None:
    beer, wine = item("beer", 10, HIGH), item("wine", 11, LOW)
    assert shares(1, [wine, beer, beer]) == [0, 1, 0], "20 of 31, not twice 10"
    assert shares(1, [wine, beer._replace(quantity=2)]) == [0, 1]
    assert shares(1, [wine, beer, beer._replace(name="Beer")]) == [1, 0, 0], "another thing"


def test_what_a_thing_gets_is_shared_by_quantity_ties_to_the_larger() -> None:
    beer = item("beer", 10)
    assert shares(2, [beer, beer._replace(quantity=3)]) == [0, 2]
    assert shares(3, [beer, beer, beer._replace(quantity=4)]) == [1, 0, 2]


def test_a_combo_that_stands_on_several_lines_gives_to_its_parts_what_it_would_on_one() -> None:
    meal = combo("meal", (200, HIGH), (100, LOW))
    rest = item("rest", 97)
    for discount in range(100):
        split = price(Cart((meal, rest, meal, meal), currency("USD"), Cents(discount)), PER_ORDER)
        whole = price(Cart((meal._replace(quantity=3), rest), currency("USD"), Cents(discount)), PER_ORDER)
        assert (split.total, sorted(split.taxes)) == (whole.total, sorted(whole.taxes))


def test_a_combos_odd_cent_goes_to_the_part_that_is_taxed_higher_however_they_are_written() -> None:
    soup, juice = lunch_of((500, LOW), (500, HIGH))
    one = price(Cart((lunch(905, soup, juice),), currency("USD")), PricingRules())
    other = price(Cart((lunch(905, juice, soup),), currency("USD")), PricingRules())
    assert [part.subtotal for part in one.lines[0].components] == [452, 453]
    assert [part.subtotal for part in other.lines[0].components] == [453, 452]
    assert one.total == other.total == 905 + 23 + 91


def test_a_combo_whose_parts_are_written_in_another_order_is_the_same_thing() -> None:
    soup, juice, tea = lunch_of((500, LOW), (500, HIGH), (500, LOW))
    beer = item("beer", 97, HIGH)
    for discount in range(60):
        one = Cart((lunch(905, soup, juice, tea), beer, lunch(905, soup, juice, tea)), currency("USD"), Cents(discount))
        other = one._replace(lines=(lunch(905, tea, soup, juice), beer, lunch(905, juice, soup, tea)))
        for rules in (PricingRules(), PER_ORDER):
            first, second = price(one, rules), price(other, rules)
            prove(second)
            assert (first.total, sorted(first.taxes)) == (second.total, sorted(second.taxes))
            came_to = {part.component: part.subtotal for part in second.lines[0].components}
            assert came_to == {part.component: part.subtotal for part in first.lines[0].components}


def test_choices_in_another_order_are_the_same_thing() -> None:
    small, large = (CartModifier(ModifierId(name), name, 1, Cents(cents)) for name, cents in (("a", 50), ("b", 25)))
    nested = small._replace(modifiers=(large, small)), small._replace(modifiers=(small, large))
    for these, those in (((small, large), (large, small)), ((nested[0], large), (large, nested[1]))):
        burger, beer = item("burger", 100, LOW)._replace(modifiers=these), item("beer", 300, HIGH)
        for discount in range(60):
            once = shares(discount, [burger, burger, beer])
            assert once == shares(discount, [burger, burger._replace(modifiers=those), beer])


def lunch_of(*parts: tuple[int, tuple[TaxRate, ...]]) -> tuple[CartComponent, ...]:
    return combo("any", *parts).components


def lunch(cents: int, *parts: CartComponent) -> CartLine:
    return CartLine(ProductId("lunch"), "Lunch", 1, Cents(cents), components=parts)


def test_a_cent_that_went_to_the_earlier_of_two_that_are_taxed_differently_is_not_proven() -> None:
    cart = Cart((item("a", 500), item("b", 500)), currency("USD"), Cents(1))
    priced = price(cart, PER_ORDER)
    taxed = priced.lines[1].line._replace(taxes=(TaxRate("None", 0),))
    forged = price(cart._replace(lines=(cart.lines[0], taxed)), PER_ORDER)
    prove(forged)
    swapped = tuple(
        line._replace(discount=Cents(1 - line.discount), taxable=Cents(999 - line.taxable), odd=not line.odd)
        for line in forged.lines
    )
    with pytest.raises(NotProven, match="largest remainders"):
        prove(forged._replace(lines=swapped))


def test_lines_of_one_thing_whose_shares_are_swapped_are_not_proven() -> None:
    beer = item("beer", 10)
    priced = price(Cart((beer, beer._replace(quantity=3)), currency("USD"), Cents(2)), PER_ORDER)
    first, second = priced.lines
    forged = (
        first._replace(discount=Cents(1), taxable=Cents(9), total=Cents(9), odd=True),
        second._replace(discount=Cents(1), taxable=Cents(29), total=Cents(29), odd=False),
    )
    with pytest.raises(NotProven, match="as their quantities"):
        prove(priced._replace(lines=forged))
