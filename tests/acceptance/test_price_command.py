"""`heard price`: the arithmetic of a cart file for people and for programs; what is wrong with one, by its place."""

import json
from typing import Any

import pytest

from shell import Shell

CART: dict[str, Any] = {
    "currency": "USD",
    "discount": 100,
    "tip": 200,
    "lines": [
        {
            "name": "Burger",
            "quantity": 2,
            "unit_price": 999,
            "taxes": [{"name": "Sales tax", "rate": "8.25"}],
            "modifiers": [{"name": "Cheese", "unit_price": 75}],
        },
        {
            "id": "lunch",
            "name": "Lunch",
            "unit_price": 1200,
            "components": [
                {"name": "Soup", "list_price": 800, "taxes": [{"name": "Sales tax", "rate": "8.25"}]},
                {"name": "Bread", "list_price": 500},
            ],
        },
    ],
}


def written(shell: Shell, cart: object) -> str:
    (shell.folder / "cart.json").write_text(json.dumps(cart), "utf-8")
    return "cart.json"


async def test_people_read_each_line_each_tax_and_who_got_the_odd_cent(shell: Shell) -> None:
    status, out, err = await shell.run("price", written(shell, CART))
    assert (status, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert ["Lunch", "12.00", "1", "12.00", "0.36", "+", "11.64", "0.59", "12.23"] in lines
    assert ["+", "Cheese", "0.75", "1"] in lines
    assert ["Sales", "tax", "8.25", "%", "of", "28.00", "2.31"] in lines
    assert ["Total", "36.79", "USD"] in lines


async def test_the_json_is_a_proof_that_can_be_added_up_from_itself_alone(shell: Shell) -> None:
    proof = await shell.json("price", written(shell, CART))
    assert (proof["subtotal"], proof["discount_total"], proof["tax_total"], proof["total"]) == (3348, 100, 231, 3679)
    for line in proof["lines"]:
        assert line["subtotal"] == line["quantity"] * (line["unit_price"] + line["modifiers_price"])
        assert line["taxable"] == line["subtotal"] - line["discount"]
        assert line["tax"] == sum(tax["amount"] for tax in line["taxes"])
        assert line["total"] == line["taxable"] + line["tax"]
        for member in ("subtotal", "discount", "taxable", "tax", "total") if line["components"] else ():
            assert line[member] == sum(part[member] for part in line["components"])
    for member, total in (("subtotal", "subtotal"), ("discount", "discount_total"), ("tax", "tax_total")):
        assert proof[total] == sum(line[member] for line in proof["lines"])
    assert proof["total"] == sum(line["total"] for line in proof["lines"]) + proof["tip"] + proof["fees"]
    assert proof["taxes"] == [{"name": "Sales tax", "rate": "8.25", "base": 2800, "amount": 231}]
    assert [line["odd_cent"] for line in proof["lines"]] == [False, True]
    assert [line["id"] for line in proof["lines"]] == ["Burger", "lunch"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"discount": 3349}, "$.discount: 3349 is more than the subtotal of 3348"),
        ({"discount": 1.5}, "$.discount: Expected `int`, got `decimal`"),
        ({"discount": "100"}, "$.discount: Expected `int`, got `str`"),
        ({"discount": -1}, "$.discount: must be at least 0"),
        ({"discont": 5}, "unknown field `discont`"),
        ({"currency": "KWD"}, "$.currency: KWD has three decimals"),
        ({"lines": []}, "$.lines: must not be empty"),
        ({"lines": [{"name": "a", "unit_price": 9.99}]}, "$.lines[0].unit_price: Expected `int`, got `decimal`"),
        ({"lines": [{"name": "a", "unit_price": 9, "quantity": 0}]}, "$.lines[0].quantity: must be at least 1"),
        (
            {"lines": [{"name": "a", "unit_price": 9, "taxes": [{"name": "t", "rate": "101"}]}]},
            "$.lines[0].taxes[0].rate: '101' is no percentage from 0 to 100",
        ),
        (
            {"lines": [{"name": "a", "unit_price": 9, "taxes": [{"name": "t", "rate": "5"}] * 2}]},
            "$.lines[0].taxes[1]: t 5 stands twice",
        ),
        (
            {"lines": [{**CART["lines"][1], "taxes": [{"name": "t", "rate": "5"}]}]},
            "$.lines[0].taxes: a combo is taxed by its components",
        ),
        ({"rules": {"rounding": "down"}}, "$.rules.rounding: Invalid enum value 'down'"),
    ],
)
async def test_what_is_wrong_with_a_cart_is_named_by_its_place(shell: Shell, change: dict[str, Any], said: str) -> None:
    status, out, err = await shell.run("price", written(shell, {**CART, **change}))
    assert (status, out) == (1, "")
    assert said in err
    assert "Traceback" not in err


async def test_a_file_that_is_not_there_or_no_json_is_one_line(shell: Shell) -> None:
    status, _, err = await shell.run("price", "nowhere.json")
    assert status != 0
    assert "nowhere.json: No such file" in err
    (shell.folder / "bad.json").write_text('{"currency": "USD", "currency": "EUR"}', "utf-8")
    status, _, err = await shell.run("price", "bad.json")
    assert status == 1
    assert "the key 'currency' stands twice" in err
