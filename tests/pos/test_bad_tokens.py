"""Tokens that prove nothing: each of the five operations refuses them in the same words, and the log says why."""

import base64
import hmac
import json
import time
from collections import Counter

import pytest

from asking import problem_of
from heard import limits
from heard.pos import OptionError, app
from heard.pos.options import read_options
from pos.kits import SHARED_ID, ScriptedPos
from pos.strangers import Stranger, a_served_kit, a_token, all_calls, an_order, part, rules, the_log

SENTENCE = "The token is missing, wrong or expired."
OLD_ID = "TheSharedIdBeforeIt"


async def on_all_five(stranger: Stranger, *authorizations: str | bytes, status: int = 401, code: str = "") -> list[str]:
    """Every operation with these Authorization headers, all refused alike; the rules that the log names."""
    with the_log() as entries:
        for method, path, body in all_calls():
            raw = None if body is None else json.dumps(body).encode()
            headers: list[tuple[str, str | bytes]] = [("authorization", one) for one in authorizations]
            if body is not None:
                headers.append(("content-type", "application/json"))
            if body is not None and "request_uid" in body:
                headers.append(("x-pch-digest", stranger.digest(body, raw or b"")))
            problem = problem_of(await stranger.ask(method, path, raw, *headers), status, code or "invalid_token")
            if status == 401:
                assert (problem["detail"], problem["errors"], problem["retryable"]) == (SENTENCE, [], False)
                assert stranger.answers[-1].headers["www-authenticate"] == "Bearer"
    found = rules(entries)
    assert len(found) == 5, (authorizations, found)
    assert "SharedSecret" not in repr(entries)
    return sorted(set(found))


def rs256() -> str:
    """A token that says it was signed with a private key, and whose HMAC is made with the public one's text."""
    return a_token("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", header={"alg": "RS256", "typ": "JWT"})


def unsigned(alg: object) -> str:
    head, payload, _ = a_token(header={"alg": alg, "typ": "JWT"}).split(".")
    return f"{head}.{payload}."


def bad_tokens() -> dict[str, tuple[str, str]]:
    """Each made now, with the rule that it fails."""
    now = int(time.time())
    return {
        **{f"alg {alg}": (unsigned(alg), "token:algorithm") for alg in ("none", "None", "NONE", "nOnE")},
        "alg none, yet signed": (a_token(header={"alg": "none"}), "token:algorithm"),
        "alg empty": (a_token(header={"alg": ""}), "token:algorithm"),
        "alg null": (a_token(header={"alg": None}), "token:algorithm"),
        "alg a list": (a_token(header={"alg": ["HS256"]}), "token:algorithm"),
        "alg in lower case": (a_token(header={"alg": "hs256"}), "token:algorithm"),
        "alg left out": (a_token(header={"typ": "JWT"}), "token:algorithm"),
        "RS256": (rs256(), "token:algorithm"),
        "HS384": (a_token(header={"alg": "HS384"}, hash_="sha384"), "token:algorithm"),
        "HS512": (a_token(header={"alg": "HS512"}, hash_="sha512"), "token:algorithm"),
        "an extension that must be understood": (
            a_token(header={"alg": "HS256", "crit": ["x"], "x": 1}),
            "token:malformed",
        ),
        "unencoded": (a_token(header={"alg": "HS256", "b64": False, "crit": ["b64"]}), "token:malformed"),
        "no exp": (a_token(exp=...), "token:exp_missing"),
        "exp null": (a_token(exp=None), "token:exp_malformed"),
        "exp text": (a_token(exp=str(now + 300)), "token:exp_malformed"),
        "exp true": (a_token(exp=True), "token:exp_malformed"),
        "exp past": (a_token(exp=now - limits.JWT_LEEWAY_S - 5), "token:expired"),
        "exp long past": (a_token(exp=0), "token:expired"),
        "exp negative": (a_token(exp=-(10**17)), "token:expired"),
        "iat in the future": (a_token(iat=now + 300, exp=now + 600), "token:iat_in_the_future"),
        "nbf in the future": (a_token(nbf=now + 300), "token:nbf_in_the_future"),
        "iat text": (a_token(iat="now"), "token:iat_malformed"),
        "sub a number": (a_token(sub=7), "token:sub_malformed"),
        "organization_id a list": (a_token(organization_id=["demo"]), "token:organization_id_malformed"),
        "another secret": (a_token("SharedSecret-124"), "token:signature"),
        "the digest's key": (a_token(SHARED_ID[:10]), "token:signature"),
        "no secret": (a_token(""), "token:signature"),
        "cut": (a_token()[:-2], "token:malformed"),
        "with other claims": (
            f"{a_token().split('.')[0]}.{part({'exp': now + 300})}.{part(b'x' * 32)}",
            "token:signature",
        ),
        "claims that are no JSON": (a_token(payload=b"{"), "token:claims_malformed"),
        "claims that are a list": (a_token(payload=[]), "token:claims_malformed"),
        "claims said twice": (a_token(payload=b'{"exp":9999999999,"exp":9999999999}'), "token:claims_malformed"),
        "claims with NaN": (a_token(payload=b'{"exp":NaN}'), "token:claims_malformed"),
        "claims too deep": (a_token(payload=b'{"x":' + b"[" * 3000 + b"]" * 3000 + b"}"), "token:claims_malformed"),
        "no claims": (a_token(payload=b""), "token:claims_malformed"),
        "garbage": ("garbage", "token:malformed"),
        "two parts": (".".join(a_token().split(".")[:2]), "token:malformed"),
        "four parts": (a_token() + ".x", "token:malformed"),
        "dots": ("..", "token:malformed"),
        "five parts, as if encrypted": ("a.b.c.d.e", "token:malformed"),
        "a header that is no JSON": (f"{part(b'x')}.{part({})}.{part(b'')}", "token:malformed"),
        "padding": (a_token() + "=", "token:padding"),
        "junk that a lenient reader drops": (a_token() + "!!!!", "token:malformed"),
        "not ASCII": (a_token() + "\u00e9", "token:not_ascii"),
        "two tokens": (f"{a_token()} {a_token()}", "token:malformed"),
        "a list of two": (f"{a_token()}, {a_token()}", "token:malformed"),
        "too long": (a_token(x="x" * limits.JWT_CHARS_MAX), "token:too_long"),
    }


async def test_a_token_that_proves_nothing_is_refused_on_all_five_operations_and_not_told_why() -> None:
    pos, tokens = ScriptedPos(), bad_tokens()
    async with a_served_kit(pos) as stranger:
        found = {name: await on_all_five(stranger, f"Bearer {token}") for name, (token, _) in tokens.items()}
        assert found == {name: [rule] for name, (_, rule) in tokens.items()}
        assert pos.calls == Counter()
        assert await stranger.rows() == 0
        bodies = [{**json.loads(answer.body), "request_id": ""} for answer in stranger.answers]
        assert all(body == bodies[0] for body in bodies)


async def test_a_header_that_holds_no_token_or_two_is_refused_on_all_five_operations() -> None:
    good = f"Bearer {a_token()}"
    bad: list[tuple[tuple[str | bytes, ...], str]] = [
        ((), "token:missing"),
        (("",), "token:no_bearer_token"),
        (("Bearer",), "token:no_bearer_token"),
        (("Bearer ",), "token:no_bearer_token"),
        ((a_token(),), "token:no_bearer_token"),
        ((f"Basic {base64.b64encode(b'demo:' + SHARED_ID.encode()).decode()}",), "token:no_bearer_token"),
        ((f"Bearer: {a_token()}",), "token:no_bearer_token"),
        ((f"Bearer\t{a_token()}",), "token:no_bearer_token"),
        ((b"Bearer \xff\xfe",), "token:not_ascii"),
        ((good, good), "token:twice"),
        ((good, "Bearer x"), "token:twice"),
        (("Bearer x", good), "token:twice"),
    ]
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        for headers, rule in bad:
            assert (headers, await on_all_five(stranger, *headers)) == (headers, [rule])
        assert pos.calls == Counter()
        assert await stranger.rows() == 0


async def test_a_good_token_is_taken_on_all_five_operations_however_it_is_written() -> None:
    now = int(time.time())
    good = [
        a_token(),
        a_token(iat=now + 30, nbf=now + 30),  # another clock
        a_token(exp=now - limits.JWT_LEEWAY_S + 20),
        a_token(exp=float(now + 300) + 0.5),
        a_token(iat=..., jti=..., iss="somebody", sub=...),  # what is not claimed is not asked for
        a_token(organization_id="demo", aud="pos", scope=["x"]),
        a_token(header={"typ": "JWT", "alg": "HS256", "kid": "7"}),
    ]
    async with a_served_kit(ScriptedPos()) as stranger:
        for number, token in enumerate(good):
            for method, path, body in all_calls(f"U-{number}"):
                answer = await stranger.call(method, path, body, token=token)
                assert answer.status == 200, (number, path, answer.body)
        raw = await stranger.ask("GET", "/posnext/orders/U-1", None, ("Authorization", f"bEARER {a_token()}"))
        stranger.good(raw)


async def test_another_organization_than_the_tokens_is_refused_and_the_log_says_which() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        with the_log() as entries:
            for method, path, body in all_calls():
                if body is None:
                    continue
                for token in (a_token(sub="other"), a_token(sub=..., organization_id="other"), a_token(sub="")):
                    answer = await stranger.call(method, path, body, token=token)
                    problem = problem_of(answer, 403, "organization_mismatch")
                    assert problem["detail"] == "The body names another organization than the token."
        assert set(rules(entries)) == {"organization_mismatch"}
        assert pos.calls == Counter()
        assert await stranger.rows() == 0
        two = f"Bearer {a_token(sub='demo', organization_id='other')}"
        assert await on_all_five(stranger, two, status=403, code="organization_mismatch") == ["token:two_organizations"]


async def test_another_organizations_order_is_as_unknown_as_one_that_never_was() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        stranger.good(await stranger.submit(an_order()))
        theirs = await stranger.call("GET", "/posnext/orders/U-1", token=a_token(sub="other"))
        nobodys = await stranger.call("GET", "/posnext/orders/U-2", token=a_token(sub="other"))
        assert problem_of(theirs, 404, "unknown_order")["title"] == problem_of(nobodys, 404, "unknown_order")["title"]
        by_number = await stranger.call("GET", "/posnext/orders/T1", token=a_token(sub="other"))
        problem_of(by_number, 404, "unknown_order")
        assert pos.calls["status"] == 0


async def test_a_secret_that_was_rotated_out_is_good_for_nothing() -> None:
    environment = {"HEARD_POS_SHARED_ID": SHARED_ID, "HEARD_POS_SHARED_ID_PREVIOUS": OLD_ID}
    both = read_options(environment).shared_ids
    assert both == (SHARED_ID, OLD_ID)
    async with a_served_kit(ScriptedPos(), shared_id=both) as stranger:
        for secret in both:
            stranger.secret = secret
            stranger.good(await stranger.submit(an_order(secret)))
        expired = f"Bearer {a_token(SHARED_ID, exp=1)}"  # under the other key its signature fails: that says less
        assert await on_all_five(stranger, expired) == ["token:expired"]
        assert await on_all_five(stranger, f"Bearer {a_token('neither-of-the-two')}") == ["token:signature"]
    del environment["HEARD_POS_SHARED_ID_PREVIOUS"]
    async with a_served_kit(ScriptedPos(), shared_id=read_options(environment).shared_ids) as stranger:
        assert await on_all_five(stranger, f"Bearer {a_token(OLD_ID)}") == ["token:signature"]


async def test_a_secret_of_ten_characters_is_enough_and_one_of_nine_is_refused_when_it_is_set() -> None:
    async with a_served_kit(ScriptedPos(), shared_id="abcdefghij") as stranger:
        for method, path, body in all_calls():
            assert (await stranger.call(method, path, body)).status == 200
        assert await on_all_five(stranger, f"Bearer {a_token('abcdefghi')}") == ["token:signature"]
        assert await on_all_five(stranger, f"Bearer {a_token('abcdefghij ')}") == ["token:signature"]
    for short in ("abcdefghi", "", ("abcdefghij", "short")):
        with pytest.raises(OptionError) as caught:
            app(ScriptedPos(), shared_id=short, store=":memory:")
        assert "abc" not in str(caught.value)


async def test_a_secret_that_is_not_ascii_signs_as_its_utf_8_bytes() -> None:
    secret = "gr\u00fc\u00dfe-\u4e16\u754c-secret"
    async with a_served_kit(ScriptedPos(), shared_id=secret) as stranger:
        for method, path, body in all_calls():
            assert (await stranger.call(method, path, body)).status == 200
        signed = ".".join(a_token(secret).split(".")[:2])
        mark = hmac.new(secret.encode("utf-16"), signed.encode(), "sha256").digest()
        assert await on_all_five(stranger, f"Bearer {signed}.{part(mark)}") == ["token:signature"]


async def test_who_has_no_token_learns_nothing_of_what_is_there() -> None:
    """Not whether an order or a location exists, nor what is wrong with a body: the token comes first."""
    async with a_served_kit(ScriptedPos()) as stranger:
        stranger.good(await stranger.submit(an_order()))
        seen = [await stranger.ask("GET", f"/posnext/orders/{ref}") for ref in ("U-1", "U-2", "T1")]
        bodies = (b"", b"{", b'{"location_id": "nowhere"}', b"x" * (limits.BODY_BYTES_MAX + 1))
        paths = ("/posnext/order/submit", "/posnext/menus", "/posnext/orders/U-1/cancel")
        seen += [await stranger.ask("POST", path, raw) for raw in bodies for path in paths]
        for answer in seen:
            problem_of(answer, 401, "invalid_token")
