"""Signatures that do not sign what came, and the kit's own, held against hmac alone in every scheme and unit."""

import base64
import hashlib
import hmac
import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from asking import problem_of
from heard.domain.stores import Amounts, SignatureScheme
from heard.pos import Cents, Errored, Placed, PosTotals, Rejected, Validated
from pos.kits import SHARED_ID, ScriptedPos
from pos.strangers import (
    SUBMIT,
    VALIDATE,
    Header,
    Stranger,
    a_cancel,
    a_served_kit,
    a_token,
    an_item,
    an_order,
    hexed,
    message,
    rules,
    the_log,
)

SENTENCE = "The digest is missing or wrong."
OLD_ID = "TheSharedIdBeforeIt"
UNITS = (Amounts.MINOR, Amounts.DECIMAL)
SCHEMES = (SignatureScheme.DIGEST, SignatureScheme.BODY)


def in_unit(body: dict[str, Any], amounts: Amounts) -> dict[str, Any]:
    """The order with its amounts in the connection's unit: 1249 or 12.49."""
    if amounts is Amounts.MINOR:
        return body

    def major(value: Any) -> Any:
        if isinstance(value, dict):
            names = ("price", "subtotal", "tax", "grand_total", "total")
            return {name: one / 100 if name in names else major(one) for name, one in value.items()}
        return [major(one) for one in value] if isinstance(value, list) else value

    converted: dict[str, Any] = major(body)
    return converted


async def signed_with(stranger: Stranger, path: str, body: dict[str, Any], *digests: str | bytes) -> str:
    """A call whose digest headers are these, refused; the rule that the log names."""
    headers: list[Header] = [("authorization", f"Bearer {a_token(stranger.secret)}")]
    headers += [("content-type", "application/json"), *(("x-pch-digest", one) for one in digests)]
    with the_log() as entries:
        answer = await stranger.ask("POST", path, json.dumps(body).encode(), *headers)
    problem = problem_of(answer, 401, "invalid_digest")
    assert (problem["detail"], problem["errors"]) == (SENTENCE, [])
    assert "x-pch-digest" not in answer.headers
    assert problem["request_id"] == answer.headers["x-request-id"]
    about = {(entry["request_id"], entry["request_uid"]) for entry in entries if entry["event"] == "refused"}
    assert about == {(problem["request_id"], body["request_uid"])}
    (rule,) = rules(entries)
    return rule


def bad_digests(body: dict[str, Any]) -> dict[str, tuple[tuple[str | bytes, ...], str]]:
    """Every way to sign wrongly where the digest scheme is agreed."""
    text, raw = message(body), json.dumps(body).encode()
    good = hexed(SHARED_ID[:10], text)
    parts = text.split("|")

    def other(place: int, value: str) -> str:
        return hexed(SHARED_ID[:10], "|".join([*parts[:place], value, *parts[place + 1 :]]))

    mac = hmac.new(SHARED_ID[:10].encode(), text.encode(), hashlib.sha256).digest()
    found: dict[str, tuple[tuple[str | bytes, ...], str]] = {
        name: ((given,), "digest:mismatch")
        for name, given in {
            "empty": "",
            "zero": "0",
            "short": good[:-1],
            "half": good[:32],
            "long": good + "0",
            "another's order": other(0, "U-9"),
            "another location's": other(1, "demo-2"),
            "another online order's": other(2, "OO-9"),
            "without the online order": other(2, "0"),
            "another total": other(3, str(int(parts[3]) + 1)),
            "another subtotal": other(4, str(int(parts[4]) - 1)),
            "another second": other(5, str(int(parts[5]) + 1)),
            "milliseconds": other(5, parts[5] + "000"),
            "totals the other way round": hexed(SHARED_ID[:10], "|".join([*parts[:3], parts[4], parts[3], parts[5]])),
            "commas": hexed(SHARED_ID[:10], ",".join(parts)),
            "a pipe at the end": hexed(SHARED_ID[:10], text + "|"),
            "keyed with all of the secret": hexed(SHARED_ID, text),
            "keyed with nine characters": hexed(SHARED_ID[:9], text),
            "keyed with its end": hexed(SHARED_ID[-10:], text),
            "over the body": hexed(SHARED_ID, raw),
            "over the body, with the short key": hexed(SHARED_ID[:10], raw),
            "base64": base64.b64encode(mac).decode(),
            "with a prefix": f"sha256={good}",
            "quoted": f'"{good}"',
            "SHA-1": hmac.new(SHARED_ID[:10].encode(), text.encode(), "sha1").hexdigest(),
            "SHA-512": hmac.new(SHARED_ID[:10].encode(), text.encode(), "sha512").hexdigest(),
            "unkeyed": hashlib.sha256(text.encode()).hexdigest(),
            "a list": f"{good}, {good}",
            "huge": "a" * 60_000,
        }.items()
    }
    found["missing"] = ((), "digest:missing")
    found["not ASCII"] = ((good[:-2].encode() + b"\xc3\xa9",), "digest:not_ascii")
    found["two, the same"] = ((good, good), "digest:twice")
    found["two, the good one first"] = ((good, "0" * 64), "digest:twice")
    found["two, the good one last"] = (("0" * 64, good), "digest:twice")
    return found


async def test_a_digest_that_signs_something_else_is_refused_and_the_order_may_come_again() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        for path, body in ((VALIDATE, an_order(place=False)), (SUBMIT, an_order())):
            bad = bad_digests(body)
            found = {name: await signed_with(stranger, path, body, *given) for name, (given, _) in bad.items()}
            assert found == {name: rule for name, (_, rule) in bad.items()}
        assert pos.calls == Counter()
        assert await stranger.rows() == 0
        stranger.good(await stranger.validate(an_order(place=False)))
        stranger.good(await stranger.submit(an_order()))
        cancel = a_cancel()
        bad = {name: one for name, one in bad_digests(cancel).items() if "total" not in name}
        path = "/posnext/orders/U-1/cancel"
        found = {name: await signed_with(stranger, path, cancel, *given) for name, (given, _) in bad.items()}
        assert found == {name: rule for name, (_, rule) in bad.items()}
        assert pos.calls["cancel"] == 0
        assert stranger.good(await stranger.cancel(cancel))["status"] == "cancelled"


async def test_a_digest_in_capitals_is_the_same_digest() -> None:
    async with a_served_kit(ScriptedPos()) as stranger:
        body = an_order()
        capitals = stranger.digest(body, b"").upper()
        stranger.good(await stranger.submit(body, digest=capitals))
        stranger.good(await stranger.submit(body, digest=f"  {capitals}  "))  # HTTP's white space around a value


async def test_the_scheme_that_was_not_agreed_is_no_fallback() -> None:
    async with a_served_kit(ScriptedPos(), signature=SignatureScheme.BODY) as stranger:
        body = an_order()
        raw = json.dumps(body).encode()
        for wrong in (
            hexed(SHARED_ID[:10], message(body)),
            hexed(SHARED_ID, message(body)),
            hexed(SHARED_ID[:10], raw),
            hexed(SHARED_ID, raw + b" "),
            hexed(SHARED_ID, json.dumps(body, indent=1).encode()),
            hexed(SHARED_ID, b""),
        ):
            assert await signed_with(stranger, SUBMIT, body, wrong) == "digest:mismatch"
        assert await signed_with(stranger, SUBMIT, body) == "digest:missing"
        assert await stranger.rows() == 0
        stranger.good(await stranger.submit(body))
        spaced = json.dumps(body, indent=3).encode()  # the raw bytes count, not their meaning
        digest = hexed(SHARED_ID, spaced)
        problem_of(await stranger.call("POST", SUBMIT, spaced, digest=digest), 409, "request_uid_reused")


@pytest.mark.parametrize("amounts", UNITS)
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_every_answer_is_signed_in_every_scheme_and_unit(scheme: SignatureScheme, amounts: Amounts) -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos, signature=scheme, amounts=amounts, answer_within_s=1.0) as stranger:
        order, trial = in_unit(an_order(), amounts), in_unit(an_order(place=False), amounts)
        totals = PosTotals(Cents(1149), Cents(0), Cents(29), Cents(0), Cents(0), Cents(1178))  # 0.29 * 100 is 28.999...
        pos.validation = Validated(totals)
        for _ in range(2):
            said = stranger.good(await stranger.validate(trial))
            assert (said["status"], "pos_order_id" in said["order_details"]) == ("validated", False)
            shown = Decimal("11.78") if amounts is Amounts.DECIMAL else 1178
            assert said["order_details"]["grand_total"] == shown
        pos.held.clear()
        for _ in range(2):
            answer = await stranger.submit(order)
            assert stranger.good(answer, 202)["status"] == "pending"
            assert answer.headers["location"] == "/posnext/orders/U-1"
        assert stranger.good(await stranger.status("U-1"))["status"] == "pending"
        pos.held.set()
        while stranger.good(await stranger.status("U-1"))["status"] == "pending":
            pass
        first = await stranger.submit(order)
        assert stranger.good(first)["order_details"]["pos_order_id"] == "T1"
        assert (await stranger.submit(order)).body == first.body
        assert stranger.good(await stranger.status("T1"))["status"] == "placed"
        cancel = a_cancel()
        cancelled = await stranger.cancel(cancel)
        assert stranger.good(cancelled)["status"] == "cancelled"
        assert (await stranger.cancel(cancel)).body == cancelled.body
        assert stranger.good(await stranger.status("U-1"))["status"] == "cancelled"
        assert pos.calls["place"] == 1


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_an_answer_that_says_no_is_signed_as_well(scheme: SignatureScheme) -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos, signature=scheme) as stranger:
        for number, verdict in enumerate((Rejected("store_closed", "Closed"), Errored("down", "Down"))):
            pos.placing = verdict
            body = an_order(f"U-{number}")
            said = stranger.good(await stranger.submit(body))
            assert said["status"] == ("rejected", "errored")[number]
            assert stranger.good(await stranger.submit(body)) == said
            assert stranger.good(await stranger.status(f"U-{number}")) == said
        late = an_order("U-9", ttl=1)  # it was made in January
        assert stranger.good(await stranger.submit(late))["errors"][0]["code"] == "order_expired"


async def test_a_submit_settled_as_cancelled_is_signed_for_what_it_says() -> None:
    """Its ticket was made, and taken back before the kit could ask: what it states of it is signed."""

    class Fickle(ScriptedPos):
        def place(self, order: Any) -> Placed:
            self.cancelled.add(order.request_uid)
            super().place(order)
            raise TimeoutError

    async with a_served_kit(Fickle()) as stranger:
        for _ in range(2):
            said = stranger.good(await stranger.submit(an_order()))
            assert said["status"] == "cancelled"
        stranger.good(await stranger.status("U-1"))


async def test_while_a_secret_rotates_each_caller_is_answered_under_its_own() -> None:
    async with a_served_kit(ScriptedPos(), shared_id=(SHARED_ID, OLD_ID)) as stranger:
        for secret in (OLD_ID, SHARED_ID, OLD_ID):
            stranger.secret = secret
            for number in ("A", "B"):  # what was stored under the one is read under the other
                stranger.good(await stranger.validate(an_order(number, place=False)))
                stranger.good(await stranger.submit(an_order(number)))
                stranger.good(await stranger.status(number))
        for secret in (SHARED_ID, OLD_ID):
            stranger.secret = secret
            stranger.good(await stranger.cancel(a_cancel("A")))
        # A token under one and a digest under the other are both good: the token's decides.
        raw = json.dumps(an_order("C")).encode()
        digest = hexed(SHARED_ID[:10], message(an_order("C")))
        stranger.secret = OLD_ID
        stranger.good(await stranger.call("POST", SUBMIT, raw, digest=digest, token=a_token(OLD_ID)))
    async with a_served_kit(ScriptedPos(), shared_id=SHARED_ID) as stranger:
        old = hexed(OLD_ID[:10], message(an_order()))
        assert await signed_with(stranger, SUBMIT, an_order(), old) == "digest:mismatch"


async def test_the_digest_counts_cents_whatever_the_unit() -> None:
    """`total` for `grand_total`, no online order, amounts that no binary double holds."""
    async with a_served_kit(ScriptedPos(), amounts=Amounts.DECIMAL) as stranger:
        for number, cents in enumerate((29, 57, 58, 113, 114, 115, 1001, 1999, 100000)):
            amount = f"{cents // 100}.{cents % 100:02}"
            details = {"order_type": "pickup", "menu_items": [an_item(price="PRICE")], "subtotal": "PRICE"}
            body = an_order(f"U-{number}", order_details={**details, "total": "PRICE"})
            raw = json.dumps(body).replace('"PRICE"', amount).encode()
            text = f"U-{number}|demo-1|0|{cents}|{cents}|1768501800"
            answer = await stranger.call("POST", SUBMIT, raw, digest=hexed(SHARED_ID[:10], text))
            said = stranger.good(answer)
            assert f'"grand_total":{amount}'.encode() in answer.body
            assert "total" not in said["order_details"]


async def test_a_menu_is_signed_in_the_body_scheme_only_and_whatever_its_encoding() -> None:
    asked = {"organization_id": "demo", "location_id": "demo-1"}
    async with a_served_kit(ScriptedPos(), signature=SignatureScheme.BODY) as stranger:
        answer = await stranger.call("POST", "/posnext/menus", asked)
        assert answer.headers["x-pch-digest"] == hexed(SHARED_ID, answer.body)
    async with a_served_kit(ScriptedPos()) as stranger:
        answer = await stranger.call("POST", "/posnext/menus", asked)
        assert answer.status == 200
        assert "x-pch-digest" not in answer.headers
