"""Calls that are none: bytes, media types, sizes, paths, methods and ids as no hub of ours would send them."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from urllib.parse import quote

from asking import problem_of
from heard import limits
from heard.domain.stores import Amounts
from lengths import patience
from pos.kits import ScriptedPos
from pos.strangers import (
    MENUS,
    ORDERS,
    SUBMIT,
    VALIDATE,
    Header,
    Stranger,
    a_cancel,
    a_served_kit,
    a_token,
    all_calls,
    an_item,
    an_order,
    parsed,
)

WITH_BODY = (VALIDATE, SUBMIT, f"{ORDERS}/U-1/cancel", MENUS)


def lines(stranger: Stranger, path: str = SUBMIT, *more: str) -> bytes:
    """The head of a good submit of U-1, up to its last line."""
    digest = stranger.digest(an_order(), json.dumps(an_order()).encode())
    said = (
        f"POST {path} HTTP/1.1",
        "host: kit",
        f"authorization: Bearer {a_token()}",
        "content-type: application/json",
        f"x-pch-digest: {digest}",
        *more,
    )
    return "".join(f"{line}\r\n" for line in said).encode()


# --- bodies ---------------------------------------------------------------------------------------------------


def no_json(good: bytes) -> dict[str, bytes]:
    deep = 10_000
    return {
        "empty": b"",
        "cut": good[:-1],
        "two": good + good,
        "html": b"<html></html>",
        "not UTF-8": good.replace(b"demo-1", b"demo\xff"),
        "UTF-16": good.decode().encode("utf-16"),
        "BOM": b"\xef\xbb\xbf" + good,
        "gzip": b"\x1f\x8b\x08\x00" + good,
        "deep lists": good[:-1] + b', "x": ' + b"[" * deep + b"]" * deep + b"}",
        "deep objects": good[:-1] + b', "x": ' + b'{"a":' * deep + b"1" + b"}" * deep + b"}",
        "deep and open": b"[" * deep,
        "one level too deep": good[:-1]
        + b', "x": '
        + b"[" * limits.JSON_DEPTH_MAX
        + b"]" * limits.JSON_DEPTH_MAX
        + b"}",
        "many digits": good[:-1] + b', "x": ' + b"9" * 100_000 + b"}",
        "huge exponent": good[:-1] + b', "x": 1e999999999999}',
        "NaN": good[:-1] + b', "x": NaN}',
        "Infinity": good[:-1] + b', "x": -Infinity}',
        "duplicate keys": good[:-1] + b', "location_id": "demo-1"}',
        "duplicate unknown keys": good[:-1] + b', "x": {"y": 1, "y": 2}}',
        "a key twice, once escaped": good[:-1] + b', "location_i\\u0064": "demo-2"}',
        "lone surrogate": good[:-1] + b', "x": "\\ud800"}',
        "lone surrogate in a key": good[:-1] + b', "\\udfff": 1}',
        "surrogates the wrong way round": good[:-1] + b', "x": "\\ude00\\ud83d"}',
        "surrogate in UTF-8": good[:-1] + b', "x": "\xed\xa0\x80"}',
        "overlong UTF-8": good[:-1] + b', "x": "\xc0\xaf"}',
        "NUL": good[:-1] + b', "x": "\\u0000"}',
        "raw NUL": good[:-1] + b', "x": "\x00"}',
        "raw line end": good[:-1] + b', "x": "\n"}',
        "NUL at the end": good + b"\x00",
        "trailing comma": good[:-1] + b",}",
        "comment": good[:-1] + b"/* */}",
        "single quotes": good.replace(b'"', b"'"),
    }


async def test_a_body_that_is_no_json_is_refused_by_every_operation_and_leaves_nothing() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        for _, path, good in all_calls():
            if good is None:
                continue
            raw = json.dumps(good).encode()
            for name, body in no_json(raw).items():
                assert body != raw, name
                digest = stranger.digest(good, body) if "request_uid" in good else None
                problem_of(await stranger.call("POST", path, body, digest=digest), 400, "malformed_json")
        assert pos.calls == Counter()
        assert await stranger.rows() == 0
        for method, path, good in all_calls():
            assert (await stranger.call(method, path, good)).status == 200


async def test_a_body_of_another_media_type_is_refused() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        raw, token = json.dumps(an_order()).encode(), ("authorization", f"Bearer {a_token()}")
        digest = ("x-pch-digest", stranger.digest(an_order(), raw))
        form = "application/x-www-form-urlencoded"
        for kind in (
            "text/plain",
            form,
            "",
            ";",
            "application/jsonx",
            "application/json, text/html",
            "x" * 3000,
            b"\xff",
        ):
            for path in WITH_BODY:
                headers: list[Header] = [token, digest, ("content-type", kind)]
                problem_of(await stranger.ask("POST", path, raw, *headers), 415, "unsupported_media_type")
        problem_of(await stranger.ask("POST", SUBMIT, raw, token, digest), 415, "unsupported_media_type")
        assert (pos.calls, await stranger.rows()) == (Counter(), 0)
        kind = "Application/JSON ; charset=UTF-8"
        stranger.good(await stranger.ask("POST", SUBMIT, raw, token, digest, ("content-type", kind)))


async def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        raw = json.dumps(an_order()).encode()
        largest = raw.ljust(limits.BODY_BYTES_MAX)
        for path in WITH_BODY:
            answer = await stranger.call("POST", path, largest + b" ", digest="x")
            problem_of(answer, 413, "body_too_large")
        endless = await stranger.raw(lines(stranger) + b"content-length: 999999999999\r\n\r\n", raw)
        problem_of(parsed(endless), 413, "body_too_large")
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        head = lines(stranger, SUBMIT, "transfer-encoding: chunked") + b"\r\n"
        streamed = await stranger.raw(head, *[chunk] * (limits.BODY_BYTES_MAX // 0x10000 + 1))
        problem_of(parsed(streamed), 413, "body_too_large")
        assert (pos.calls, await stranger.rows()) == (Counter(), 0)
        stranger.good(await stranger.call("POST", SUBMIT, largest, digest=stranger.digest(an_order(), largest)))


async def test_a_body_in_pieces_is_the_same_body() -> None:
    async with a_served_kit(ScriptedPos()) as stranger:
        raw = json.dumps(an_order()).encode()
        pieces = b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in raw) + b"0\r\n\r\n"
        head = lines(stranger, SUBMIT, "transfer-encoding: chunked", "connection: close") + b"\r\n"
        first = parsed(await stranger.raw(head, pieces))
        assert first.body == (await stranger.submit(an_order())).body
        stranger.good(first)


async def test_a_body_that_breaks_off_leaves_nothing_and_the_kit_goes_on() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        raw = json.dumps(an_order()).encode()
        whole = lines(stranger, SUBMIT, f"content-length: {len(raw)}") + b"\r\n" + raw
        chunked = lines(stranger, SUBMIT, "transfer-encoding: chunked") + b"\r\n%x\r\n" % len(raw) + raw
        for cut in (len(whole) - len(raw), len(whole) - len(raw) // 2, len(whole) - 1):
            await stranger.raw(whole[:cut], hang_up=True)
        await stranger.raw(chunked[: -len(raw) // 2], hang_up=True)
        await stranger.raw(chunked, hang_up=True)  # all of it but its end
        short = lines(stranger, SUBMIT, f"content-length: {len(raw) - 5}", "connection: close") + b"\r\n" + raw
        problem_of(parsed(await stranger.raw(short)), 400, "malformed_json")
        await asyncio.sleep(0.05)
        assert (pos.calls, await stranger.rows()) == (Counter(), 0)
        stranger.good(await stranger.submit(an_order()))


async def test_a_caller_who_hangs_up_too_early_finds_the_order_placed_once() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        raw = json.dumps(an_order()).encode()
        pos.held.clear()
        await stranger.raw(lines(stranger, SUBMIT, f"content-length: {len(raw)}") + b"\r\n" + raw, hang_up=True)
        async with patience():
            while not pos.calls["place"]:
                await asyncio.sleep(0.01)
        pos.held.set()
        assert stranger.good(await stranger.submit(an_order()))["order_details"]["pos_order_id"] == "T1"
        assert pos.calls["place"] == 1


# --- what it is about -----------------------------------------------------------------------------------------


async def test_the_request_type_of_another_path_is_refused() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        for path, body in ((VALIDATE, an_order()), (SUBMIT, an_order(place=False))):
            for one in (path, path.replace("/order/", "/orders/")):
                problem = problem_of(await stranger.call("POST", one, body), 422, "invalid_body")
                assert problem["errors"][0]["path"] == "$.request_type"
        problem = problem_of(await stranger.call("POST", f"{ORDERS}/U-1/cancel", an_order()), 422, "invalid_body")
        assert problem["errors"][0]["path"] == "$.request_type"
        assert (pos.calls, await stranger.rows()) == (Counter(), 0)
        for path, body in ((VALIDATE, an_order(place=False)), (SUBMIT, an_order())):
            first = await stranger.call("POST", path, body)
            stranger.good(first)  # and the plural is the same handler
            assert (await stranger.call("POST", path.replace("/order/", "/orders/"), body)).body == first.body


async def test_a_location_that_is_not_mapped_never_reaches_the_pos() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        for location in ("demo-2", "DEMO-1", "demo-1 ", "main", "\u4e16", "' OR 1=1 --", "%"):
            for method, path, body in all_calls():
                if body is not None:
                    answer = await stranger.call(method, path, {**body, "location_id": location})
                    problem_of(answer, 404, "unknown_location")
        nobody = {name: value for name, value in an_order().items() if name != "organization_id"}
        answer = await stranger.call("POST", SUBMIT, nobody, token=a_token(sub=...))
        problem_of(answer, 404, "unknown_location")
        assert (pos.calls, await stranger.rows()) == (Counter(), 0)
        stranger.good(await stranger.submit(nobody))  # the token's organization is enough


async def test_an_order_that_never_came_is_unknown_and_a_cancel_must_be_about_its_path() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        stranger.good(await stranger.validate(an_order("V-1", place=False)))
        stranger.good(await stranger.submit(an_order()))
        stranger.good(await stranger.submit(an_order("U-2")))
        for ref in ("U-3", "u-1", "U-1%20", "U-1/", "T9", "%25", "x" * 5000):
            problem_of(await stranger.status(ref), 404, "unknown_order")
        for path, cancel in (
            ("U-3", a_cancel("U-3")),
            ("V-1", a_cancel("V-1")),
            ("U-2", a_cancel("U-1")),
            ("T2", a_cancel("U-1")),
        ):
            problem_of(await stranger.call("POST", f"{ORDERS}/{path}/cancel", cancel), 404, "unknown_order")
        assert pos.calls["cancel"] == 0
        cancelled = await stranger.call("POST", f"{ORDERS}/T1/cancel", a_cancel())
        assert stranger.good(cancelled)["status"] == "cancelled"
        problem_of(await stranger.call("POST", f"{ORDERS}/U-1/cancel", a_cancel(reason="x")), 409, "request_uid_reused")


async def test_an_order_that_was_not_placed_cannot_be_cancelled() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos, answer_within_s=1.0) as stranger:
        pos.held.clear()
        stranger.good(await stranger.submit(an_order()), 202)
        problem_of(await stranger.cancel(a_cancel()), 409, "illegal_transition")
        pos.held.set()
        stranger.good(await stranger.submit(an_order("U-2", ttl=1)))
        problem_of(await stranger.cancel(a_cancel("U-2")), 409, "illegal_transition")
        assert pos.calls["cancel"] == 0


# --- paths, methods, ids --------------------------------------------------------------------------------------


async def test_a_wrong_path_and_a_wrong_method_are_told_apart() -> None:
    async with a_served_kit(ScriptedPos()) as stranger:
        for path in (
            "/",
            "/posnext",
            "/posnext/",
            "/posnext/order",
            f"{VALIDATE}/",
            f"{SUBMIT}/",
            f"{MENUS}/",
            f"{ORDERS}/",
            ORDERS,
            "//posnext/menus",
            "/Posnext/menus",
            "/posnext/menus%0a",
            "/posnext/menus%00",
            f"{ORDERS}/U-1%00",
            f"{ORDERS}/U-1%0a",
            "/posnext/../posnext/menus",
            "/posnext/callbacks/ven_1",
            "/%FF",
            "/" + "x" * 5000,
            "*",
        ):
            for method in ("GET", "POST"):
                problem_of(await stranger.call(method, path), 404, "not_found")
        allowed = {VALIDATE: "POST", SUBMIT: "POST", MENUS: "POST", f"{ORDERS}/U-1": "GET"}
        allowed |= {
            f"{ORDERS}/U-1/cancel": "GET, POST",
            f"{ORDERS}/submit": "GET, POST",
        }  # U-1/cancel may be an order's id
        for path, methods in allowed.items():
            for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "POST", "TRACE"):
                if method in methods.split(", "):
                    continue
                answer = await stranger.call(method, path)
                assert (answer.status, answer.headers["allow"]) == (405, methods), (method, path)
                if method == "HEAD":
                    assert answer.body == b""
                else:
                    problem_of(answer, 405, "method_not_allowed")


async def test_a_path_that_is_written_like_our_own_pattern_is_a_path_like_any_other() -> None:
    async with a_served_kit(ScriptedPos()) as stranger:
        for path in ("/posnext/orders/(?P<order_id>.+)", "/posnext/orders/{order_id}", "/posnext/orders/.+"):
            problem_of(await stranger.call("GET", quote(path)), 404, "unknown_order")
        cancel = a_cancel("(?P<order_id>.+)")
        path = quote("/posnext/orders/(?P<order_id>.+)/cancel")
        problem_of(await stranger.call("POST", path, cancel), 404, "unknown_order")


async def test_an_id_of_any_characters_is_answered_read_and_cancelled() -> None:
    odd = "a b|a/b|/|a//b/|a?b=c|a#b|a%2Fb|%|..|\u4e16\u754c|\u00e9|\U0001f354|a/cancel|'\"<>"
    pos = ScriptedPos()
    async with a_served_kit(pos, answer_within_s=0.03) as stranger:
        for number, uid in enumerate(odd.split("|"), 1):
            pos.held.clear()
            answer = await stranger.submit(an_order(uid))
            assert stranger.good(answer, 202)["request_uid"] == uid
            pos.held.set()
            where = answer.headers["location"]
            while (said := stranger.good(await stranger.call("GET", where)))["status"] == "pending":
                pass
            assert said["order_details"]["pos_order_id"] == f"T{number}"
            assert stranger.good(await stranger.status(quote(uid)))["request_uid"] == uid
            answer = await stranger.call("POST", f"{where}/cancel", a_cancel(uid))
            assert answer.status in (200, 202)
            stranger.good(answer, answer.status)


async def test_an_order_that_was_kept_under_another_setting_is_a_fault_of_ours_and_no_fault_of_the_callers(
    tmp_path: Path,
) -> None:
    """A hub ends an order over a 4xx; its ticket is there."""
    store, order = str(tmp_path / "kit.sqlite"), an_order()
    order["order_details"] |= {"menu_items": [an_item(price=9.99)], "subtotal": 9.99, "tax": 1.01, "grand_total": 11.00}
    async with a_served_kit(ScriptedPos(), store, amounts=Amounts.DECIMAL) as stranger:
        stranger.good(await stranger.submit(order))
    async with a_served_kit(ScriptedPos(), store) as stranger:
        problem_of(await stranger.status("U-1"), 500, "internal_error")
        problem_of(await stranger.status("U-2"), 404, "unknown_order")


async def test_a_decent_request_id_is_echoed_and_any_other_replaced() -> None:
    async with a_served_kit(ScriptedPos()) as stranger:
        for method, path, body in (*all_calls(), ("GET", "/nowhere", None)):
            answer = await stranger.call(method, path, body, ("x-request-id", "R-1.a_b"))
            assert answer.headers["x-request-id"] == "R-1.a_b"
            for bad in ("", "a b", "x" * 65, "<script>", b"\xff", "a\tb"):
                answer = await stranger.call(method, path, body, ("x-request-id", bad))
                assert answer.headers["x-request-id"].startswith("req_"), bad
