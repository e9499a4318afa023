"""Orders that say the wrong thing: refused naming the place, before the POS hears of them, and nothing remains."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from asking import problem_of
from heard import limits
from heard.domain.stores import Amounts
from heard.net.call import Answer
from pos.kits import SHARED_ID, ScriptedPos
from pos.strangers import SUBMIT, VALIDATE, Stranger, a_modifier, a_served_kit, an_item, an_order, hexed

DETAILS = "$.order_details"
LINE = f"{DETAILS}.menu_items[0]"
BELOW = f"{LINE}.menu_items[0]"


@asynccontextmanager
async def a_strict_kit(**given: Any) -> AsyncIterator[Stranger]:
    """A kit that must refuse everything: on leaving, nothing of it remains, and the same number is still free."""
    pos = ScriptedPos()
    async with a_served_kit(pos, **given) as stranger:
        yield stranger
        assert stranger.answers
        assert pos.calls == Counter()
        assert await stranger.rows() == 0
        details = {"subtotal": 0, "grand_total": 0, "order_type": "pickup", "menu_items": [an_item(price=0)]}
        for path in (VALIDATE, SUBMIT):
            good = an_order(place=path == SUBMIT, order_details=details)
            stranger.good(await stranger.call("POST", path, good))
        assert pos.calls == Counter(validate=1, place=1)


async def both(stranger: Stranger, body: dict[str, Any] | bytes) -> list[Answer]:
    """What validate and submit say to the same order, signed as if it were in order."""
    answers = []
    for path, word in ((VALIDATE, "validate-order"), (SUBMIT, "place-order")):
        raw = body if isinstance(body, bytes) else json.dumps({"request_type": word} | body).encode()
        answers.append(await stranger.call("POST", path, raw.replace(b"<TYPE>", word.encode()), digest=any_digest(raw)))
    return answers


def any_digest(raw: bytes) -> str:
    """The digest of `an_order` as far as a broken one can be signed: by what it states."""
    try:
        said = json.loads(raw)
        details = said["order_details"]
        total, subtotal = details.get("grand_total", details.get("total", 0)), details.get("subtotal", 0)
        online = details.get("online_order_id") or 0
        text = f"{said['request_uid']}|{said['location_id']}|{online}|{total}|{subtotal}|1768501800"
    except (ValueError, KeyError, TypeError, AttributeError):
        text = ""
    return hexed(SHARED_ID[:10], text)


def with_details(**changes: Any) -> dict[str, Any]:
    """An order with some members of its details changed; `...` takes one out."""
    order = an_order()
    del order["request_type"]
    details = order["order_details"] | changes
    return order | {"order_details": {name: value for name, value in details.items() if value is not ...}}


def with_member(name: str, value: Any) -> dict[str, Any]:
    order = an_order()
    del order["request_type"]
    order[name] = value
    return {name: value for name, value in order.items() if value is not ...}


def with_line(**changes: Any) -> dict[str, Any]:
    line = an_item(menu_items=[a_modifier()]) | changes
    return with_details(menu_items=[{name: value for name, value in line.items() if value is not ...}])


def with_below(**changes: Any) -> dict[str, Any]:
    return with_line(menu_items=[a_modifier(**changes)])


def deep(levels: int) -> dict[str, Any]:
    item = a_modifier()
    for _ in range(levels - 1):
        item = a_modifier(menu_items=[item])
    return with_line(menu_items=[item])


async def all_wrong(stranger: Stranger, cases: list[tuple[dict[str, Any], str]], code: str = "invalid_body") -> None:
    """Each body is refused by both operations, naming its place first."""
    for body, path in cases:
        for answer in await both(stranger, body):
            problem = problem_of(answer, 422, code)
            assert problem["errors"][0]["path"] == path, (body, problem)
            assert len(answer.body) < 100_000


# --- amounts --------------------------------------------------------------------------------------------------

NO_AMOUNTS: tuple[Any, ...] = ("1249", "", True, None, [], {}, [1249], "NaN", "12,49")


async def test_an_amount_that_is_none_is_refused_wherever_it_stands() -> None:
    async with a_strict_kit() as stranger:
        for value in NO_AMOUNTS:
            cases = [
                (with_line(price=value), f"{LINE}.price"),
                (with_below(price=value), f"{BELOW}.price"),
                (with_details(subtotal=value), f"{DETAILS}.subtotal"),
                (with_details(payments=[{"type": "card", "amount": value}]), f"{DETAILS}.payments[0].amount"),
            ]
            if value is not None:  # null counts as absent, and these may be
                cases += [(with_details(**{name: value}), f"{DETAILS}.{name}") for name in ("tax", "tip", "fees")]
                cases += [(with_details(**{name: value}), f"{DETAILS}.{name}") for name in ("grand_total", "total")]
                cases += [(with_details(discount_total=value), f"{DETAILS}.discount_total")]
            await all_wrong(stranger, cases)
        gone = ("subtotal", "order_type", "menu_items")
        await all_wrong(stranger, [(with_details(**{name: ...}), f"{DETAILS}.{name}") for name in gone])
        await all_wrong(stranger, [(with_details(grand_total=...), f"{DETAILS}.grand_total")])


async def test_cents_are_whole_bounded_and_not_negative() -> None:
    async with a_strict_kit() as stranger:
        for value in (12.49, 1249.0, 1e2, -1, -1249, 10**11 + 1, 10**17):
            await all_wrong(
                stranger,
                [
                    (with_line(price=value), f"{LINE}.price"),
                    (with_details(tax=value), f"{DETAILS}.tax"),
                    (with_details(grand_total=value), f"{DETAILS}.grand_total"),
                ],
            )


async def test_major_units_have_two_decimals_and_no_exponent() -> None:
    async with a_strict_kit(amounts=Amounts.DECIMAL) as stranger:
        for text in (
            "12.495",
            "12.001",
            "-0.01",
            "-12",
            "1E3",
            "1e+3",
            "1000000000.01",
            "999999999999999",
            "0.0000001",
        ):
            for body, path in (
                (with_line(price="AMOUNT"), f"{LINE}.price"),
                (with_details(tip="AMOUNT"), f"{DETAILS}.tip"),
                (with_details(grand_total="AMOUNT"), f"{DETAILS}.grand_total"),
            ):
                raw = json.dumps({"request_type": "<TYPE>"} | body).replace('"AMOUNT"', text).encode()
                for answer in await both(stranger, raw):
                    assert problem_of(answer, 422, "invalid_body")["errors"][0]["path"] == path, text


@pytest.mark.parametrize("amounts", [Amounts.MINOR, Amounts.DECIMAL])
async def test_a_number_out_of_all_bounds_is_no_json_that_anyone_reads(amounts: Amounts) -> None:
    async with a_strict_kit(amounts=amounts) as stranger:
        for text in (
            "NaN",
            "Infinity",
            "-Infinity",
            "1e30",
            "1" + "0" * 30,
            "1e-30",
            "-1e400",
            "1e99999999",
            "0x10",
            "01",
        ):
            for body in (
                with_line(price="AMOUNT"),
                with_details(grand_total="AMOUNT"),
                with_member("unknown", "AMOUNT"),
            ):
                raw = json.dumps({"request_type": "<TYPE>"} | body).replace('"AMOUNT"', text).encode()
                for answer in await both(stranger, raw):
                    problem_of(answer, 400, "malformed_json")


# --- lines ----------------------------------------------------------------------------------------------------


async def test_a_quantity_is_a_whole_number_from_one_to_its_bound() -> None:
    async with a_strict_kit() as stranger:
        for value in (0, -1, 1.5, 1.0, "1", True, None, [], limits.QUANTITY_MAX + 1, 10**17):
            await all_wrong(stranger, [(with_line(quantity=value), f"{LINE}.quantity")])
            await all_wrong(stranger, [(with_below(quantity=value), f"{BELOW}.quantity")])


async def test_what_may_not_stand_there_is_refused_by_its_place() -> None:
    main, child = f"{LINE}.item_type", f"{BELOW}.item_type"
    async with a_strict_kit() as stranger:
        await all_wrong(stranger, [(with_line(item_type="Modifier"), main)])
        for word in ("Item", "Combo", "Promotion"):
            await all_wrong(stranger, [(with_below(item_type=word), child)])
        for word in ("Banana", "item", "ITEM", "", " Item", "I" * 5000, 7, None, ["Item"]):
            await all_wrong(stranger, [(with_line(item_type=word), main), (with_below(item_type=word), child)])
        await all_wrong(
            stranger,
            [
                (with_line(item_type="Memo", menu_items=...), f"{LINE}.price"),
                (with_below(item_type="Memo"), f"{BELOW}.price"),
                (with_line(item_type="Memo", price=0), f"{LINE}.menu_items"),
                (with_line(item_type="Discount"), f"{LINE}.menu_items"),
                (with_below(item_type="Discount", menu_items=[a_modifier()]), f"{BELOW}.menu_items"),
                (with_details(menu_items=[]), f"{DETAILS}.menu_items"),
                (with_details(menu_items={}), f"{DETAILS}.menu_items"),
                (with_details(menu_items=None), f"{DETAILS}.menu_items"),
                (with_details(menu_items=[None]), LINE),
                (with_line(menu_items={}), f"{LINE}.menu_items"),
                (with_line(menu_items=[[]]), BELOW),
                (with_line(id=""), f"{LINE}.id"),
                (with_line(id="x" * 129), f"{LINE}.id"),
                (with_line(id=7), f"{LINE}.id"),
                (with_line(id=...), f"{LINE}.id"),
                (with_line(name=None), f"{LINE}.name"),
                (with_line(name="x" * 2001), f"{LINE}.name"),
                (with_line(notes="x" * 2001), f"{LINE}.notes"),
            ],
        )


async def test_too_many_lines_or_modifiers_and_too_deep_ones_are_refused() -> None:
    small = {"id": "a", "name": "", "item_type": "Item", "quantity": 1, "price": 0}
    one, lines = a_modifier(price=0), f"{DETAILS}.menu_items"
    async with a_strict_kit() as stranger:
        await all_wrong(stranger, [(with_details(menu_items=[small] * (limits.ORDER_LINES_MAX + 1)), lines)])
        for answer in await both(stranger, with_details(menu_items=[small] * 10_000)):
            problem_of(answer, 413, "body_too_large")
        below, deeper = [one] * (limits.MODIFIERS_PER_LINE_MAX + 1), [{**one, "menu_items": [one] * 20}] * 10
        await all_wrong(stranger, [(with_line(menu_items=below), f"{LINE}.menu_items")])
        await all_wrong(stranger, [(with_line(menu_items=deeper), f"{LINE}.menu_items")])
        await all_wrong(stranger, [(deep(limits.MODIFIER_DEPTH_MAX + 1), LINE + ".menu_items[0]" * 9)])
        for answer in await both(stranger, deep(limits.JSON_DEPTH_MAX)):
            problem_of(answer, 400, "malformed_json")
        payments = [{"type": "card", "amount": 1}] * (limits.PAYMENTS_MAX + 1)
        await all_wrong(stranger, [(with_details(payments=payments), f"{DETAILS}.payments")])
        many = with_details(menu_items=[an_item(quantity=0)] * limits.ORDER_LINES_MAX)
        for answer in await both(stranger, many):
            assert len(problem_of(answer, 422, "invalid_body")["errors"]) == limits.FIELD_ERRORS_MAX


async def test_the_largest_order_within_bounds_is_taken_and_echoed() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        small = {"id": "a", "name": "n", "item_type": "Item", "quantity": limits.QUANTITY_MAX, "price": 1}
        details = {"menu_items": [small] * limits.ORDER_LINES_MAX, "subtotal": 5_000_000, "grand_total": 5_000_000}
        body = an_order(order_details={"order_type": "catering", **details})
        assert stranger.good(await stranger.submit(body))["order_details"]["menu_items"] == details["menu_items"]
        line = deep(limits.MODIFIER_DEPTH_MAX)["order_details"]["menu_items"]
        wide = an_item(menu_items=[a_modifier(price=0)] * limits.MODIFIERS_PER_LINE_MAX)
        total = 999 + 150 * limits.MODIFIER_DEPTH_MAX + 999
        details = {"menu_items": [*line, wide], "subtotal": total, "grand_total": total}
        body = an_order("U-2", order_details={"order_type": "pickup", **details})
        assert stranger.good(await stranger.submit(body))["order_details"]["menu_items"] == details["menu_items"]
        assert sum(1 for _ in pos.orders[1].items[1].walk()) == limits.MODIFIERS_PER_LINE_MAX + 1


# --- words, times, ids ----------------------------------------------------------------------------------------


async def test_an_unknown_word_or_a_time_that_is_none_is_refused_by_its_place() -> None:
    future, requested = "$.schedule_type", f"{DETAILS}.requested_at"
    cases = [(with_details(order_type=word), f"{DETAILS}.order_type") for word in ("teleport", "Pickup", "", 7, None)]
    cases += [(with_member("schedule_type", word), future) for word in ("tomorrow", "Future", "", 1)]
    cases += [(with_member("schedule_type", "future"), requested)]
    cases += [(with_details(requested_at="2026-01-16T18:30:00.000Z"), requested)]
    times = (
        "yesterday",
        "",
        "2026-01-15",
        "2026-01-15T18:30:00",
        "2026-02-30T18:30:00Z",
        "2026-01-15 18:30:00Z",
        1768501800,
    )
    times += ("1969-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "2026-01-15T25:00:00Z", "2026-01-15T18:30:00.000Z\n")
    cases += [(with_member("request_datetime", time), "$.request_datetime") for time in times]
    later = with_member("schedule_type", "future")
    cases += [(later | {"order_details": with_details(requested_at=at)["order_details"]}, requested) for at in times]
    cases += [(with_member(name, "soon"), f"$.{name}") for name in ("received_at", "completed_at")]
    cases += [(with_member("ttl", value), "$.ttl") for value in (-1, 1.5, "60", True, limits.TTL_S_MAX + 1)]
    urls = (
        "ftp://x/y",
        "javascript:alert(1)",
        "//x",
        "",
        "http://",
        "https://a b",
        "http://a\nb",
        7,
        "https://" + "x" * 2000,
    )
    cases += [(with_member("callback_url", url), "$.callback_url") for url in urls]
    cases += [
        (with_member("request_type", word), "$.request_type") for word in ("", "submit", "Place-Order", "cancel-order")
    ]
    async with a_strict_kit() as stranger:
        await all_wrong(stranger, cases)


async def test_an_id_that_is_signed_holds_no_pipe_and_no_control() -> None:
    bad: tuple[Any, ...] = ("a|b", "|", "", "a\nb", "a\n", "\x7f", "\x1b[2J", "x" * 129, 7, None, ["U-1"])
    cases = [(with_member(name, value), f"$.{name}") for name in ("request_uid", "location_id") for value in bad]
    cases += [(with_details(online_order_id=value), f"{DETAILS}.online_order_id") for value in bad if value is not None]
    cases += [
        (with_member(name, ...), f"$.{name}")
        for name in ("request_uid", "location_id", "request_datetime", "order_details")
    ]
    cases += [(with_member("organization_id", value), "$.organization_id") for value in ("", "x" * 129, 7)]
    cases += [(with_member("order_details", value), "$.order_details") for value in (None, [], "x", 1)]
    async with a_strict_kit() as stranger:
        await all_wrong(stranger, cases)
        for whole in (b"[]", b"1", b"null", b'"order"', b"{}", b"[{}]", b"true"):
            for answer in await both(stranger, whole):
                problem_of(answer, 422, "invalid_body")


# --- sums -----------------------------------------------------------------------------------------------------


async def test_sums_that_do_not_add_up_are_refused_showing_both_numbers() -> None:
    async with a_strict_kit() as stranger:
        for answer in await both(stranger, with_details(grand_total=1250)):
            (error,) = problem_of(answer, 422, "totals_mismatch")["errors"]
            assert (error["path"], error["message"]) == (
                f"{DETAILS}.grand_total",
                "stated 1250 cents, added up 1249",
            )
        cases = [(with_details(**{name: 1}), f"{DETAILS}.grand_total") for name in ("tip", "fees")]
        cases += [(with_details(tax=99), f"{DETAILS}.grand_total"), (with_details(tax=...), f"{DETAILS}.grand_total")]
        cases += [(with_details(subtotal=1148), f"{DETAILS}.subtotal"), (with_line(quantity=2), f"{DETAILS}.subtotal")]
        cases += [(with_below(quantity=2), f"{DETAILS}.subtotal"), (with_line(menu_items=[]), f"{DETAILS}.subtotal")]
        cases += [(with_details(discount_total=1, grand_total=1248), f"{DETAILS}.discount_total")]
        cases += [
            (with_details(menu_items=[an_item(), an_item(item_type="Discount", price=10)]), f"{DETAILS}.subtotal")
        ]
        await all_wrong(stranger, cases, "totals_mismatch")
        differing = with_details(total=1250)
        await all_wrong(stranger, [(differing, f"{DETAILS}.total")])


async def test_total_is_another_name_for_grand_total() -> None:
    async with a_served_kit(ScriptedPos()) as stranger:
        for number, changes in enumerate(({"total": 1249}, {"total": 1249, "grand_total": ...}, {"total": None})):
            body = with_details(**changes) | {"request_type": "place-order", "request_uid": f"U-{number}"}
            said = stranger.good(await stranger.submit(body))["order_details"]
            assert (said["grand_total"], "total" in said) == (1249, False)


# --- what is unknown is kept ----------------------------------------------------------------------------------


async def test_members_that_the_kit_does_not_know_are_given_to_the_pos_and_echoed_as_they_were_written() -> None:
    pos = ScriptedPos()
    odd = '{"a": 12.50, "b": [1e2, 0.10, -0.0, 123456789012345678], "c": {"\\u00e9": null, "": "\\u4e16"}, "d": true}'
    async with a_served_kit(pos) as stranger:
        body = an_order(x_odd="ODD")
        details = body["order_details"]
        details |= {"x_odd": "ODD", "customer": {"name": "Ada", "x_odd": "ODD"}}
        details["payments"] = [{"type": "card", "amount": 1249, "x_odd": "ODD"}]
        details["menu_items"] = [an_item(x_odd="ODD", menu_items=[a_modifier(x_odd="ODD", menu_items=[])])]
        raw = json.dumps(body).replace('"ODD"', odd).encode()
        digest = stranger.digest(body, raw)
        first = await stranger.call("POST", SUBMIT, raw, digest=digest)
        sent = json.loads(raw, parse_float=Decimal)
        for answer in (first, await stranger.call("POST", SUBMIT, raw, digest=digest), await stranger.status("U-1")):
            said = stranger.good(answer)
            assert said["x_odd"] == sent["x_odd"]
            echoed = {name: said["order_details"][name] for name in sent["order_details"]}
            assert echoed == sent["order_details"]
            assert answer.body.count(b'"a":12.50,"b":[1E+2,0.10,-0.0,123456789012345678]') == 6, answer.body
        assert pos.orders[0].sent == sent["order_details"]


async def test_what_only_the_answer_may_say_is_not_echoed_from_the_request() -> None:
    """Else a hub could put words into the POS's mouth, and a repeat could not be read."""
    taken = {
        "status": "cancelled",
        "errors": "x",
        "fulfillment_status": "banana",
        "estimated_ready_at": "soon",
        "received_at": "2020-01-01T00:00:00Z",
    }
    async with a_served_kit(ScriptedPos()) as stranger:
        for place, path in ((False, VALIDATE), (True, SUBMIT)):
            body = an_order(place=place, **taken)
            body["order_details"]["pos_order_id"] = 7
            first = await stranger.call("POST", path, body)
            said = stranger.good(first)
            assert said["status"] == ("placed" if place else "validated")
            assert not {"errors", "fulfillment_status", "estimated_ready_at"} & set(said)
            assert said["order_details"].get("pos_order_id") == ("T1" if place else None)
            assert (await stranger.call("POST", path, body)).body == first.body
        stranger.good(await stranger.status("U-1"))
        cancel = {
            **taken,
            "order_details": {"subtotal": "x", "grand_total": 1, "menu_items": 7},
            "location_id": "demo-1",
        }
        cancel |= {"request_uid": "U-1", "request_type": "cancel-order", "request_datetime": "2026-01-15T18:30:00Z"}
        digest = hexed(SHARED_ID[:10], "U-1|demo-1|0|0|0|1768501800")
        raw = json.dumps(cancel).encode()
        for _ in range(2):
            answer = await stranger.call("POST", "/posnext/orders/U-1/cancel", raw, digest=digest)
            assert stranger.good(answer)["status"] == "cancelled"
