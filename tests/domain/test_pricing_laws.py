"""The laws of pricing over whatever cart Hypothesis thinks of, and over carts from a seed, as the long run has them."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import slow_pricing
from heard.domain.ids import ModifierId, ProductId
from heard.domain.money import Cents, currency
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
from heard.domain.pricing.price import price
from heard.domain.pricing.proof import prove
from pricing_laws import (
    inclusive_and_exclusive_agree,
    it_is_proven,
    splitting_a_line_changes_nothing,
    the_order_of_lines_changes_no_total,
    without_a_discount_nothing_is_taken_off,
)
from random_carts import random_cart

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = st.builds(PricingRules, st.sampled_from(Rounding), st.sampled_from(TaxPer), st.booleans())
RATES = st.builds(TaxRate, st.sampled_from("ABC"), st.sampled_from((0, 33_333, 82_500, 88_750, 190_000, 1_000_000)))
TAXES = st.lists(RATES, max_size=3, unique=True).map(tuple)
NONE = st.just(())  # else the fields that may be left out are made up by their types
CHANCE = st.randoms(use_true_random=False)


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    money = currency(draw(st.sampled_from(("USD", "JPY"))))
    units = st.integers(0, 2000) if draw(st.booleans()) else st.integers(0, 6)  # small ones tie
    prices = units.map(lambda count: Cents(count * money.step))
    quantities = st.integers(1, 4)
    leaf = st.builds(CartModifier, st.just(ModifierId("m")), st.just("m"), quantities, prices, NONE)
    nested = st.builds(
        CartModifier, st.just(ModifierId("m")), st.just("m"), quantities, prices, st.lists(leaf, max_size=2).map(tuple)
    )
    modifiers = st.lists(nested, max_size=2).map(tuple)
    name = st.just(ProductId("p"))
    items = st.builds(CartLine, name, st.just("item"), quantities, prices, modifiers, TAXES, NONE)
    parts = st.lists(
        st.builds(CartComponent, name, st.just("part"), quantities, prices, TAXES), min_size=1, max_size=3
    ).map(tuple)
    combos = st.builds(CartLine, name, st.just("combo"), quantities, prices, modifiers, NONE, parts)
    lines = draw(st.lists(st.one_of(items, combos), min_size=1, max_size=6).map(tuple))
    cart = Cart(lines, money, tip=draw(prices), fees=draw(prices))
    most = price(cart, PricingRules()).subtotal // money.step
    return cart._replace(discount=Cents(draw(st.integers(0, most)) * money.step))


@given(carts(), RULES, CHANCE)
def test_shares_sum_nothing_is_below_zero_nothing_is_a_float_and_the_proof_adds_up_to_the_result(
    cart: Cart, rules: PricingRules, chance: random.Random
) -> None:
    it_is_proven(cart, rules, chance)


@given(carts(), RULES, CHANCE)
def test_the_order_of_lines_changes_no_total_and_no_tax(cart: Cart, rules: PricingRules, chance: random.Random) -> None:
    the_order_of_lines_changes_no_total(cart, rules, chance)


@given(carts(), RULES, CHANCE)
def test_splitting_a_line_changes_the_total_by_nothing_and_where_each_line_is_rounded_by_a_cent_a_line(
    cart: Cart, rules: PricingRules, chance: random.Random
) -> None:
    splitting_a_line_changes_nothing(cart, rules, chance)


@given(carts(), RULES, CHANCE)
def test_what_is_paid_without_tax_in_the_prices_holds_the_same_tax_when_it_is_in_them(
    cart: Cart, rules: PricingRules, chance: random.Random
) -> None:
    inclusive_and_exclusive_agree(cart, rules, chance)


@given(carts(), RULES, CHANCE)
def test_without_a_discount_nothing_is_taken_off_and_with_the_whole_subtotal_nothing_is_taxed(
    cart: Cart, rules: PricingRules, chance: random.Random
) -> None:
    without_a_discount_nothing_is_taken_off(cart, rules, chance)


@given(carts(), RULES)
def test_every_number_is_the_one_that_is_worked_out_on_paper(cart: Cart, rules: PricingRules) -> None:
    priced, paper = price(cart, rules), slow_pricing.on_paper(cart, rules)
    assert (priced.subtotal, priced.tax_total, priced.total) == (paper.subtotal, paper.tax, paper.total)
    assert [(line.subtotal, line.discount, line.tax) for line in priced.lines] == [
        (line.subtotal, line.discount, line.tax) for line in paper.lines
    ]
    assert [[(part.subtotal, part.discount, part.tax) for part in line.components] for line in priced.lines] == [
        [(part.subtotal, part.discount, part.tax) for part in line.components] for line in paper.lines
    ]


@given(st.integers(0, 2**32), st.integers(1, 99))
@settings(max_examples=50)
def test_a_cart_with_an_amount_that_no_coin_pays_is_counted_in_cents(seed: int, off: int) -> None:
    chance = random.Random(seed)
    cart, rules = random_cart(chance)
    first = cart.lines[0]._replace(unit_price=Cents(cart.lines[0].unit_price + off))
    cart = cart._replace(currency=currency("JPY"), lines=(first, *cart.lines[1:]))
    prove(price(cart, rules))


@pytest.mark.parametrize("seed", [1, 2026])
def test_the_long_run_in_short_holds_every_law(seed: int) -> None:
    tool = [sys.executable, str(ROOT / "tools" / "million_carts.py"), "--carts", "1500", "--seed", str(seed)]
    ran = subprocess.run(tool, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"1,500 carts of seed {seed} hold 5 laws each" in ran.stdout
