"""Everything a stranger may get wrong: each has its documented answer, and nothing of it remains."""

import asyncio
import copy
import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asking import (
    FORM,
    a_token,
    an_order_body,
    ask,
    ask_json,
    ask_raw,
    ask_token,
    nothing_remains,
    problem_of,
    rows,
)
from builders import ORGANIZATION, a_menu, a_store
from heard import limits
from heard.domain.ids import LocationId, ProductId, VenueId
from heard.domain.menu.model import Availability, Modifier, ModifierGroup, Product
from heard.domain.money import Cents
from heard.engine.add_parties import add_marketplace, add_store, connect_store
from heard.protocols.credentials import hash_secret
from heard.sandbox.ledger import marketplace_ledger
from heard.sandbox.marketplace import SandboxMarketplace
from lengths import examples
from parties import a_town

ORDERS = "/link/v2/orders"
TOKEN = "/link/v2/oauth/token"
LOCATION_2 = LocationId("LOC-2")


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


# --- who asks ---------------------------------------------------------------------------------------------


async def test_a_token_that_proves_nothing_is_refused_and_not_told_why(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        body, good = as_json(an_order_body(town)), await a_token(town)
        expired = await a_token(town)
        await town.house.hub.pool.execute(
            "UPDATE access_tokens SET expires_at = business_now() - interval '1 s' WHERE token_hash = $1",
            hash_secret(expired),
        )
        headers = [
            "",
            "Bearer",
            "Bearer ",
            "Bearer x",
            f"Bearer {good}x",
            f"Basic {good}",
            good,
            f"Bearer {'x' * 5000}",
        ]
        details = set()
        for header in (*headers, f"Bearer {expired}", "Bearer \u00e9"):
            problem = problem_of(await ask_json(town, ORDERS, body, authorization=header), 401, "invalid_token")
            details.add(problem["detail"])
            assert problem["errors"] == []
        answer = await ask_json(town, ORDERS, body)
        details.add(problem_of(answer, 401, "invalid_token")["detail"])
        assert answer.headers["www-authenticate"] == "Bearer"
        assert len(details) == 1
        assert await nothing_remains(town)


async def test_a_token_of_another_scope_is_refused(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token = await a_token(town, "menus stores events")
        problem_of(await ask_json(town, ORDERS, as_json(an_order_body(town)), token), 403, "insufficient_scope")
        problem_of(await ask(town, "GET", f"{ORDERS}/ord_1", token=token), 403, "insufficient_scope")
        assert await nothing_remains(town)


async def test_another_marketplaces_order_is_as_unknown_as_one_that_never_was(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await town.send("A-1")
        hub = town.house.hub
        made = await add_marketplace(hub, ORGANIZATION, "gobble", "http://127.0.0.1:9/", await hub.now())
        answer = await ask_token(
            town, grant_type="client_credentials", client_id=made.marketplace_id, client_secret=made.client_secret
        )
        token = json.loads(answer.body)["access_token"]
        theirs = await ask(town, "GET", f"{ORDERS}/{order_id}", token=token)
        nobodys = await ask(town, "GET", f"{ORDERS}/{order_id[:-1]}~", token=token)
        assert problem_of(theirs, 404, "unknown_order")["title"] == problem_of(nobodys, 404, "unknown_order")["title"]
        found = await ask(town, "GET", f"{ORDERS}?external_order_id=A-1", token=token)
        assert json.loads(found.body) == {"orders": []}
        body = as_json(an_order_body(town, "B-1"))  # and it is not connected to the store
        problem_of(await ask_json(town, ORDERS, body, token), 404, "unknown_venue")


# --- bodies that are none ---------------------------------------------------------------------------------


async def test_a_body_that_is_no_json_is_refused(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, good = await a_token(town), as_json(an_order_body(town))
        deep = 10_000
        bad = {
            "empty": b"",
            "cut": good[:-1],
            "two": good + good,
            "html": b"<html></html>",
            "not UTF-8": good.replace(b"Burger", b"Burg\xff"),
            "UTF-16": good.decode().encode("utf-16"),
            "BOM": b"\xef\xbb\xbf" + good,
            "deep lists": good[:-1] + b', "x": ' + b"[" * deep + b"]" * deep + b"}",
            "deep objects": good[:-1] + b', "x": ' + b'{"a":' * deep + b"1" + b"}" * deep + b"}",
            "deep and open": b"[" * deep,
            "1e400": good.replace(b'"total": 1149', b'"total": 1e400'),
            "-1e400": good.replace(b'"total": 1149', b'"total": -1e400'),
            "huge exponent": good[:-1] + b', "x": 1e999999999999}',
            "many digits": good[:-1] + b', "x": ' + b"9" * 100_000 + b"}",
            "NaN": good.replace(b'"total": 1149', b'"total": NaN'),
            "Infinity": good[:-1] + b', "x": -Infinity}',
            "duplicate keys": good[:-1] + b', "total": 1149}',
            "duplicate keys inside": good.replace(b'"quantity": 1,', b'"quantity": 1, "quantity": 2,'),
            "lone surrogate": good.replace(b"Burger", b"\\ud800"),
            "lone surrogate in a key": good[:-1] + b', "\\udfff": 1}',
            "NUL": good.replace(b"Burger", b"\\u0000"),
            "raw NUL": good.replace(b"Burger", b"\x00"),
            "trailing comma": good[:-1] + b",}",
            "single quotes": good.replace(b'"', b"'"),
        }
        for name, body in bad.items():
            assert body != good, name
            problem_of(await ask_json(town, ORDERS, body, token), 400, "malformed_json")
        assert await nothing_remains(town)


async def test_a_body_of_another_media_type_is_refused(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, body = await a_token(town), as_json(an_order_body(town))
        for media_type in ("text/plain", FORM, "", ";", "application/jsonx", "application/json, text/html", "x" * 3000):
            answer = await ask(town, "POST", ORDERS, body, token, content_type=media_type)
            problem_of(answer, 415, "unsupported_media_type")
        problem_of(await ask(town, "POST", ORDERS, body, token), 415, "unsupported_media_type")
        assert await nothing_remains(town)
        answer = await ask(town, "POST", ORDERS, body, token, content_type="Application/JSON; charset=utf-8")
        assert answer.status == 201


async def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, size = await a_token(town), limits.BODY_BYTES_MAX + 1
        body = as_json(an_order_body(town)).ljust(size)
        problem_of(await ask_json(town, ORDERS, body, token), 413, "body_too_large")
        head = _head(ORDERS, f"authorization: Bearer {token}", "content-type: application/json")
        declared = await ask_raw(town, head + b"content-length: 999999999999\r\n\r\n")
        assert declared.startswith(b"HTTP/1.1 413 ")
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        streamed = await ask_raw(town, head + b"transfer-encoding: chunked\r\n\r\n", chunk * (size // 0x10000 + 1))
        assert streamed.startswith(b"HTTP/1.1 413 ")
        assert b'"code":"body_too_large"' in streamed
        form = b"grant_type=client_credentials&x=" + b"x" * limits.TOKEN_FORM_BYTES_MAX
        problem_of(await ask(town, "POST", TOKEN, form, content_type=FORM), 413, "body_too_large")
        assert await nothing_remains(town)


async def test_a_body_that_is_cut_off_leaves_nothing_and_the_hub_goes_on(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, body = await a_token(town), as_json(an_order_body(town))
        head = _head(ORDERS, f"authorization: Bearer {token}", "content-type: application/json")
        whole = head + f"content-length: {len(body)}\r\n\r\n".encode() + body
        chunked = head + f"transfer-encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body
        for cut in (len(head) + 25, len(whole) // 2, len(whole) - 1):
            await ask_raw(town, whole[:cut], hang_up=True)
        await ask_raw(town, chunked[: len(chunked) // 2], hang_up=True)
        await ask_raw(town, chunked, hang_up=True)  # all of it but the end
        form = b"grant_type=client_credentials"
        cut_form = _head(TOKEN, f"content-type: {FORM}") + b"content-length: 500\r\n\r\n" + form
        await ask_raw(town, cut_form, hang_up=True)
        await asyncio.sleep(0.2)
        assert await nothing_remains(town)
        assert (await ask_raw(town, whole.replace(b"host: hub", b"host: hub\r\nconnection: close"))).startswith(
            b"HTTP/1.1 201 "
        )


async def test_what_is_no_http_is_refused_and_the_hub_goes_on(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        bad_length = _head(ORDERS) + b"content-length: \xb2\r\n\r\n"
        both = _head(ORDERS) + b"content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef"
        for piece in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"nonsense\r\n\r\n", bad_length, both):
            assert (await ask_raw(town, piece)).startswith(b"HTTP/1.1 400 ")
        assert (await ask(town, "GET", "/healthz")).status == 200
        assert await nothing_remains(town)


def _head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "host: hub", *lines, ""]).encode()


# --- bodies that say the wrong thing ----------------------------------------------------------------------


def _changed(body: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """A copy with one place changed; `...` takes it out."""
    body = copy.deepcopy(body)
    place: Any = body
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return body


BAD_VALUES: list[tuple[tuple[str | int, ...], object, str]] = [
    (("external_order_id",), ..., "$.external_order_id"),
    (("external_order_id",), "", "$.external_order_id"),
    (("external_order_id",), "x" * 129, "$.external_order_id"),
    (("external_order_id",), 7, "$.external_order_id"),
    (("placed_at",), "yesterday", "$.placed_at"),
    (("placed_at",), "2026-03-14T12:00:00", "$.placed_at"),
    (("placed_at",), "0001-01-01T00:00:00+14:00", "$.placed_at"),
    (("fulfillment", "type"), "teleport", "$.fulfillment.type"),
    (("fulfillment",), {"type": "pickup", "asap": False}, "$.fulfillment.requested_at"),
    (("fulfillment",), {"type": "pickup", "requested_at": "9999-12-31T23:59:59Z"}, "$.fulfillment.requested_at"),
    (("fulfillment",), {"type": "pickup", "requested_at": "0001-01-01T00:00:00Z"}, "$.fulfillment.requested_at"),
    (("items",), [], "$.items"),
    (("items",), {}, "$.items"),
    (("items", 0, "quantity"), 0, "$.items[0].quantity"),
    (("items", 0, "quantity"), -1, "$.items[0].quantity"),
    (("items", 0, "quantity"), 1.5, "$.items[0].quantity"),
    (("items", 0, "quantity"), True, "$.items[0].quantity"),
    (("items", 0, "quantity"), "1", "$.items[0].quantity"),
    (("items", 0, "unit_price"), -1, "$.items[0].unit_price"),
    (("items", 0, "unit_price"), 10**17, "$.items[0].unit_price"),
    (("items", 0, "modifiers", 0, "modifier_id"), None, "$.items[0].modifiers[0].modifier_id"),
    (("total",), 11.49, "$.total"),
    (("total",), "1149", "$.total"),
    (("discount",), -1, "$.discount"),
    (("currency",), "EUR", "$.currency"),
    (("currency",), "KWD", "$.currency"),
    (("currency",), "usd", "$.currency"),
    (("payment", "method"), "iou", "$.payment.method"),
    (("notes",), "x" * 2001, "$.notes"),
    (("customer",), None, "$.customer"),
]


async def test_every_wrong_value_is_refused_naming_its_place(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, good = await a_token(town), an_order_body(town)
        for path, value, named in BAD_VALUES:
            answer = await ask_json(town, ORDERS, as_json(_changed(good, path, value)), token)
            problem = problem_of(answer, 422, "invalid_body")
            assert [error["path"] for error in problem["errors"]] == [named], (path, value, problem)
        wholes: tuple[object, ...] = ([], [good], "order", 1, None, {})
        for whole in wholes:
            problem_of(await ask_json(town, ORDERS, as_json(whole), token), 422, "invalid_body")
        assert await nothing_remains(town)


async def test_sums_that_do_not_add_up_are_refused_showing_both_numbers(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, good = await a_token(town), an_order_body(town)
        answer = await ask_json(town, ORDERS, as_json({**good, "total": 1150}), token)
        (error,) = problem_of(answer, 422, "totals_mismatch")["errors"]
        assert (error["path"], error["message"]) == ("$.total", "stated 1150, computed 1149")
        for changes in ({"subtotal": 1}, {"tax": 1}, {"tip": 1}, {"delivery_fee": 1}, {"discount": 1}):
            problem_of(await ask_json(town, ORDERS, as_json({**good, **changes}), token), 422, "totals_mismatch")
        answer = await ask_json(town, ORDERS, as_json({**good, "discount": 1150, "total": 0}), token)
        assert problem_of(answer, 422, "discount_exceeds_subtotal")["errors"][0]["path"] == "$.discount"
        assert await nothing_remains(town)


async def test_what_the_menu_does_not_have_is_refused_by_its_place(dsn: str) -> None:
    gone = Modifier("BACON", "Bacon", Cents(200), Availability.UNAVAILABLE)  # type: ignore[arg-type]
    burger, *others = a_menu().products()
    burger = Product(
        burger.id,
        burger.name,
        burger.price,
        groups=(*burger.groups, ModifierGroup("G", "G", (gone,))),
        availability=Availability.AVAILABLE,
    )
    soup = Product(ProductId("SOUP"), "Soup", Cents(500), Availability.UNAVAILABLE)
    async with a_town(dsn, worker=False, menu=a_menu(burger, soup, *others)) as town:
        token, good = await a_token(town), an_order_body(town)
        item, modifier = ("items", 0, "item_id"), ("items", 0, "modifiers", 0, "modifier_id")
        wrong = [
            (item, "PIZZA", "$.items[0].item_id", "unknown_item"),
            (item, "burger", "$.items[0].item_id", "unknown_item"),
            (modifier, "GOLD", "$.items[0].modifiers[0].modifier_id", "unknown_modifier"),
            (modifier, "BACON", "$.items[0].modifiers[0].modifier_id", "sold_out"),
        ]
        for path, value, named, code in wrong:
            answer = await ask_json(town, ORDERS, as_json(_changed(good, path, value)), token)
            (error,) = problem_of(answer, 422, "item_unavailable")["errors"]
            assert (error["path"], error["code"]) == (named, code)
        no_modifiers = {**good["items"][0], "item_id": "SOUP", "modifiers": []}
        body = {**good, "items": [no_modifiers], "subtotal": 999, "total": 999}
        answer = await ask_json(town, ORDERS, as_json(body), token)
        assert problem_of(answer, 422, "item_unavailable")["errors"][0]["code"] == "sold_out"
        assert await nothing_remains(town)


async def test_no_order_is_taken_before_the_menu_is_known(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        answer = await ask_json(town, ORDERS, as_json(an_order_body(town)), await a_token(town))
        assert problem_of(answer, 422, "menu_not_synced")["retryable"] is True
        assert await nothing_remains(town)


async def test_a_venue_that_is_not_connected_is_as_unknown_as_one_that_never_was(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub = town.house.hub
        venue_id = VenueId(hub.new_id("ven", await hub.now()))
        await add_store(hub, a_store(venue_id=venue_id, location_id=LOCATION_2))
        token, good = await a_token(town), an_order_body(town)
        for unknown in (
            venue_id,
            "ven_00000000000000000000000000",
            "\u4e16",
            town.venue_id.upper(),
            town.venue_id + " ",
        ):
            answer = await ask_json(town, ORDERS, as_json({**good, "venue_id": unknown}), token)
            assert problem_of(answer, 404, "unknown_venue")["errors"][0]["path"] == "$.venue_id"
        assert await nothing_remains(town)


# --- the same number again --------------------------------------------------------------------------------


async def test_a_number_used_again_with_other_content_is_refused_and_the_first_order_stands(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, good = await a_token(town), an_order_body(town)
        first = await ask_json(town, ORDERS, as_json(good), token)
        order_id, before = json.loads(first.body)["order_id"], await rows(town)
        for changes in ({"notes": "more"}, {"tip": 1, "total": 1150}, {"customer": {"name": "Eve"}}):
            answer = await ask_json(town, ORDERS, as_json({**good, **changes}), token)
            assert problem_of(answer, 409, "order_conflict")["errors"][0]["path"] == "$.external_order_id"
        assert await rows(town) == before
        view = json.loads((await ask(town, "GET", f"{ORDERS}/{order_id}", token=token)).body)
        assert view["order"].get("notes") is None


async def test_the_same_content_written_otherwise_is_the_same_order(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, good = await a_token(town), an_order_body(town)
        first = await ask_json(town, ORDERS, as_json(good), token)
        reordered = {name: good[name] for name in reversed(good)}
        others = [as_json(reordered), json.dumps(good, indent=4).encode(), as_json({**good, "tip": 0, "new_member": 1})]
        for body in others:
            again = await ask_json(town, ORDERS, body, token)
            assert (first.status, again.status) == (201, 200)
            assert json.loads(again.body) == json.loads(first.body)
            assert again.headers["location"] == first.headers["location"]
        counted = await rows(town)
        assert (counted["orders"], counted["order_keys"], counted["order_bodies"]) == (1, 1, 1)


async def test_two_marketplaces_may_use_the_same_number(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub = town.house.hub
        made = await add_marketplace(hub, ORGANIZATION, "gobble", "http://127.0.0.1:9/", await hub.now())
        await connect_store(hub, town.venue_id, made.marketplace_id)
        ledger = marketplace_ledger(None)
        other = SandboxMarketplace(
            town.hub_url, made.marketplace_id, made.client_secret, made.webhook_secret, ledger, town.house.outbound
        )
        ours, theirs = await town.send("A-1"), await other.send(town.content("A-1"))
        ledger.close()
        assert theirs is not None
        assert ours != theirs


# --- paths, methods, ids ----------------------------------------------------------------------------------


async def test_a_wrong_path_and_a_wrong_method_are_told_apart(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token = await a_token(town)
        for path in (
            "/",
            "/link/v2",
            "/link/v1/orders",
            f"{ORDERS}/",
            f"{ORDERS}/a/b",
            "/Link/v2/orders",
            "/%00",
            "//",
        ):
            problem_of(await ask(town, "GET", path, token=token), 404, "not_found")
        wrong = [("PUT", ORDERS), ("DELETE", ORDERS), ("PATCH", f"{ORDERS}/ord_1"), ("POST", f"{ORDERS}/ord_1")]
        for method, path in (*wrong, ("GET", TOKEN)):
            answer = await ask(town, method, path, token=token)
            problem_of(answer, 405, "method_not_allowed")
            assert answer.headers.get("allow"), (method, path)
        allowed = (await ask(town, "PUT", ORDERS, token=token)).headers["allow"]
        assert {"GET", "POST"} <= set(allowed.split(", "))


async def test_a_decent_request_id_is_echoed_and_any_other_replaced(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        for path in (f"{ORDERS}/ord_1", "/nowhere", "/healthz"):
            assert (await ask(town, "GET", path, x_request_id="R-1.a_b")).headers["x-request-id"] == "R-1.a_b"
            for bad in ("", "a b", "x" * 65, "<script>", "\u00e9"):
                given = (await ask(town, "GET", path, x_request_id=bad)).headers["x-request-id"]
                assert given.startswith("req_"), bad


async def test_an_odd_id_is_unknown_and_nothing_worse(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token = await a_token(town)
        for odd in (
            "ord_1",
            "%E4%B8%96",
            "%FF%FE",
            "%00",
            "ord_%00",
            "'%20OR%201=1",
            "%2e%2e%2fx",
            "x" * 5000,
            "%F0%9F%8D%94",
        ):
            answer = await ask(town, "GET", f"{ORDERS}/{odd}", token=token)
            assert json.loads(answer.body)["code"] in ("unknown_order", "not_found"), (odd, answer.body)
            assert answer.status == 404
            if odd != "%2e%2e%2fx":
                found = await ask(town, "GET", f"{ORDERS}?external_order_id={odd}", token=token)
                assert found.status in (200, 422), (odd, found.body)
        for query in ("", "?", "?external_order_id=", "?external_order_id", "?order_id=1"):
            answer = await ask(town, "GET", ORDERS + query, token=token)
            assert problem_of(answer, 422, "invalid_body")["errors"][0]["path"] == "external_order_id"


# --- anything at all --------------------------------------------------------------------------------------


def _mutated(good: dict[str, Any], chance: random.Random, junk: list[object]) -> bytes:
    """A good order with some places changed and then, perhaps, some bytes."""
    body: Any = copy.deepcopy(good)
    for value in junk:
        place, name = body, chance.choice(list(body))
        while isinstance(place[name], dict | list) and place[name] and chance.random() < 0.7:
            place = place[name]
            name = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        place[name] = value
    raw = bytearray(as_json(body))
    if chance.random() < 0.4:
        for _ in range(chance.randint(1, 4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=30),
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
async def test_no_mutation_of_an_order_makes_the_hub_fail(dsn: str) -> None:
    cases: list[tuple[int, list[object]]] = []

    @settings(max_examples=examples(100), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32), st.lists(JUNK, min_size=1, max_size=3))
    def collect(seed: int, junk: list[object]) -> None:
        cases.append((seed, junk))

    collect()
    async with a_town(dsn, worker=False) as town:
        token, good = await a_token(town), an_order_body(town)
        accepted: set[str] = set()
        for seed, junk in cases:
            raw = _mutated(good, random.Random(seed), junk)
            answer = await ask_json(town, ORDERS, raw, token)
            if answer.status in (200, 201):
                accepted.add(json.loads(answer.body)["order_id"])
                continue
            assert 400 <= answer.status < 500, (raw, answer)
            problem_of(answer, answer.status, json.loads(answer.body)["code"])
        assert {count for table, count in (await rows(town)).items() if table in ("orders", "order_keys")} == {
            len(accepted)
        }
