"""`heard bench price`: how long a cart of twelve lines takes, beside a bare loop that only adds up the same numbers.

Both in turns in this one process, so that a noisy machine is noisy to each; medians, since a pause is nobody's work.
"""

from collections.abc import Callable
from time import perf_counter_ns

from heard.bench.result import Result, percentile
from heard.domain.ids import ModifierId, ProductId
from heard.domain.money import Cents, currency
from heard.domain.pricing.cart import (
    Cart,
    CartComponent,
    CartLine,
    CartModifier,
    PricingRules,
    TaxPer,
    TaxRate,
)
from heard.domain.pricing.price import price as price_cart
from heard.domain.pricing.proof import prove

P50_US_LIMIT = 60.0
_CARTS_PER_ROUND = 200
_FOOD, _SODA = (TaxRate("Sales tax", 82_500),), (TaxRate("Soda tax", 100_000),)


async def price(rounds: int) -> Result:
    """So many rounds of two hundred carts each way. Needs rounds of 1 and more."""
    cart = a_cart()
    ways: dict[str, Callable[[], object]] = {
        "line": lambda: price_cart(cart, PricingRules()),
        "order": lambda: price_cart(cart, PricingRules(per=TaxPer.ORDER)),
        "inclusive": lambda: price_cart(cart, PricingRules(inclusive=True)),
        "bare": lambda: _bare(cart),
    }
    prove(price_cart(cart, PricingRules()))
    took_us: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            took_us[name] += _timed(way)
    middle = {name: percentile(times, 50) or 0.0 for name, times in took_us.items()}
    p99 = percentile(took_us["line"], 99) or 0.0
    return Result(
        name="price",
        rate_per_s=round(1e6 / middle["line"], 1),
        limit_per_s=round(1e6 / middle["bare"], 1),
        ratio=round(middle["bare"] / middle["line"], 3),
        p50_ms=round(middle["line"] / 1000, 4),
        p99_ms=round(p99 / 1000, 4),
        cpu_us_per_unit=round(middle["line"], 1),
        details={
            "p50_us": round(middle["line"], 1),
            "p50_us_limit": P50_US_LIMIT,
            "best_us": round(min(took_us["line"]), 1),
            "per_order_p50_us": round(middle["order"], 1),
            "inclusive_p50_us": round(middle["inclusive"], 1),
            "bare_p50_us": round(middle["bare"], 1),
            "times_bare": round(middle["line"] / middle["bare"], 1),
            "carts": rounds * _CARTS_PER_ROUND,
            "cart": "12 lines: 16 choices, two of them nested; a combo of three parts; two rates; a discount",
            "limit": "a loop that adds up prices, choices and quantities, and knows neither discount nor tax",
        },
    )


def a_cart() -> Cart:
    """Twelve lines with choices, a combo and a discount, taxed in two ways."""
    sauce = CartModifier(ModifierId("sauce"), "Sauce", 1, Cents(75))
    cheese = CartModifier(ModifierId("cheese"), "Cheese", 2, Cents(50))
    side = CartModifier(
        ModifierId("fries"), "Fries", 1, Cents(249), (CartModifier(ModifierId("dip"), "Dip", 1, Cents(60)),)
    )
    choices = ((sauce,), (cheese, sauce), (), (side, sauce))
    lines = [
        CartLine(
            ProductId(f"item-{place}"),
            f"Item {place}",
            1 + place % 3,
            Cents(899 + 37 * place),
            choices[place % 4],
            _SODA if place % 5 == 4 else _FOOD,
        )
        for place in range(11)
    ]
    parts = tuple(
        CartComponent(ProductId(name), name, 1, Cents(cents), taxes)
        for name, cents, taxes in (("burger", 999, _FOOD), ("fries", 399, _FOOD), ("cola", 299, _SODA))
    )
    lines.append(CartLine(ProductId("combo"), "Combo", 2, Cents(1499), (cheese,), (), parts))
    return Cart(tuple(lines), currency("USD"), Cents(1000), Cents(300), Cents(99))


def _timed(way: Callable[[], object]) -> list[float]:
    took = []
    for _ in range(_CARTS_PER_ROUND):
        began = perf_counter_ns()
        way()
        took.append((perf_counter_ns() - began) / 1000)
    return took


def _bare(cart: Cart) -> int:
    total = 0
    for line in cart.lines:
        unit: int = line.unit_price
        for choice in line.modifiers:
            below = sum([one.quantity * one.unit_price for one in choice.modifiers]) if choice.modifiers else 0
            unit += choice.quantity * (choice.unit_price + below)
        total += line.quantity * unit
    return total - cart.discount + cart.tip + cart.fees
