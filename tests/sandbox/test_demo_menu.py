"""The demo restaurant's menu is rich enough to show every kind of thing, and right in itself."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources
from typing import Any

import pytest

from heard.domain.ids import ExternalOrderId, VenueId
from heard.domain.menu.diff import ChangeKind, diff_menus
from heard.domain.menu.index import hold_against, index_menu
from heard.domain.menu.lint import check_menu
from heard.protocols.link.decode import decode_new_order
from heard.protocols.link.encode import encode_new_order
from heard.sandbox.demo import demo_menu
from heard.sandbox.last_week import as_it_was
from heard.sandbox.orders import random_order

RAW = resources.files("heard.sandbox").joinpath("menu.json").read_text("utf-8")
DOCUMENT = json.loads(RAW, parse_float=Decimal)
PRODUCTS = [product for section in DOCUMENT["menus"] for product in section["products"]]


def groups_below(thing: dict[str, Any], depth: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
    for group in thing.get("modifier_groups", []):
        yield depth, group
        for modifier in group["modifiers"]:
            yield from groups_below(modifier, depth + 1)


def test_it_passes_the_hubs_own_checks() -> None:
    menu = demo_menu()
    assert check_menu(menu, menu.location_id) == ()
    assert menu.unknown_states == ()


def test_it_has_sixty_to_eighty_products_of_every_kind() -> None:
    assert 60 <= len({product["id"] for product in PRODUCTS}) <= 80
    assert {product["state"] for product in PRODUCTS} == {"available", "unavailable", "hidden"}
    assert {product["item_type"] for product in PRODUCTS} == {"Item", "Combo"}


def test_it_has_at_least_three_tax_rates_and_uses_each() -> None:
    assert len(DOCUMENT["tax_rates"]) >= 3
    assert {product["tax_category"] for product in PRODUCTS} == set(DOCUMENT["tax_rates"])


def test_modifiers_nest_and_their_bounds_can_be_kept() -> None:
    found = [item for product in PRODUCTS for item in groups_below(product)]
    assert max(depth for depth, _ in found) >= 2
    nested = [product["id"] for product in PRODUCTS if any(depth >= 2 for depth, _ in groups_below(product))]
    assert len(nested) >= 3
    for _, group in found:
        assert 0 <= group["min_selected"] <= group["max_selected"] <= len(group["modifiers"])


def test_one_id_is_always_the_same_thing() -> None:
    seen: dict[str, str] = {}
    for product in PRODUCTS:
        assert seen.setdefault(product["id"], repr(product)) == repr(product)
        for _, group in groups_below(product):
            for thing in (group, *group["modifiers"]):
                assert seen.setdefault(thing["id"], repr(thing)) == repr(thing)


def test_a_price_is_a_number_with_at_most_two_decimals_and_never_below_zero() -> None:
    modifiers = [one for product in PRODUCTS for _, group in groups_below(product) for one in group["modifiers"]]
    prices = [thing["price"] for thing in (*PRODUCTS, *modifiers)]
    assert all(isinstance(price, int | Decimal) for price in prices)
    assert all(price >= 0 and Decimal(price) == round(Decimal(price), 2) for price in prices)
    assert any(price == 0 for price in prices)


def test_every_part_of_a_combo_is_on_the_menu() -> None:
    ids = {product["id"] for product in PRODUCTS}
    combos = [product for product in PRODUCTS if product["item_type"] == "Combo"]
    assert len(combos) >= 2
    assert all(combo["components"] for combo in combos)
    for part in (part for product in PRODUCTS for part in product.get("components", [])):
        assert set(part["product_ids"]) <= ids
        assert 0 <= part["min_selected"] <= part["max_selected"] <= len(set(part["product_ids"]))


@pytest.mark.parametrize("seed", range(200))
def test_a_random_order_is_one_the_hub_accepts(seed: int) -> None:
    menu = demo_menu()
    now = datetime(2026, 3, 14, 12, tzinfo=UTC)
    content = random_order(menu, VenueId("ven_1"), ExternalOrderId(f"X-{seed}"), now, random.Random(seed))
    assert decode_new_order(encode_new_order(content)) == content
    assert hold_against(content, index_menu(menu, "1")).faults == ()


def test_the_menu_of_the_week_before_is_right_too_and_differs_in_every_way_that_a_menu_can() -> None:
    now = demo_menu()
    before = as_it_was(now)
    assert check_menu(before, now.location_id) == ()
    assert {change.kind for change in diff_menus(before, now)} == set(ChangeKind) - {ChangeKind.STRUCTURE}
