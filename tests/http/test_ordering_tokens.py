"""Access tokens of the Ordering API: byte by byte as documented when all is well, refused with a code if it is not."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from asking import FORM, a_token, ask, ask_raw, credentials
from builders import ORGANIZATION
from heard.domain.channels import ChannelKind
from heard.engine import change_client
from heard.engine.add_parties import add_application
from heard.protocols.credentials import hash_secret
from ordering import API, GRANT, TOKENS, WEBHOOKS, App, an_app, basic, data_of, refusal_of
from parties import Town, a_town

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "ordering"
# What differs each time, with what stands for it in the golden files.
CHANGING = ((rb'"access_token":"[0-9a-f]{64}"', b'"access_token":"..."'), (rb"date: [^\r]+\r\n", b""))


async def said(town: Town, headers: dict[str, str], body: bytes) -> bytes:
    """The whole answer, without what differs each time."""
    lines = [f"POST {TOKENS} HTTP/1.1", "host: hub", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    answer = await ask_raw(town, "\r\n".join([*lines, "", ""]).encode() + body)
    for pattern, instead in CHANGING:
        answer = re.sub(pattern, instead, answer)
    return answer


async def answers(app: App) -> dict[str, bytes]:
    documented = {
        "Application": app.made.application_key,
        "Authorization": app.basic,
        "Content-Type": FORM,
        "X-Request-ID": "documented",
        "Api-Version": "4.44.0",
    }
    form = b"grant_type=client_credentials&scope=order"
    wrong = documented | {"Authorization": basic(app.made.application_id, "wrong")}
    return {
        "token_granted": await said(app.town, documented, form),
        "token_granted_for_json": await said(
            app.town,
            documented | {"Content-Type": "application/json"},
            b'{"grant_type": "client_credentials", "scope": "order webhooks-management"}',
        ),
        "token_invalid_client": await said(app.town, wrong, form),
        "token_invalid_scope": await said(app.town, documented, b"grant_type=client_credentials&scope=everything"),
        "token_unsupported_grant_type": await said(app.town, documented, b"grant_type=password&scope=order"),
        "token_invalid_request": await said(app.town, documented, b"scope=order"),
    }


async def test_each_answer_is_as_it_is_documented_byte_by_byte(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        found = await answers(await an_app(town))
    assert {path.stem for path in GOLDEN.glob("token_*.http")} == set(found)
    for name, answer in found.items():
        assert answer == (GOLDEN / f"{name}.http").read_bytes(), name


async def test_a_token_has_64_hexadecimal_digits_lives_a_day_and_only_its_hash_is_kept(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        answer = await app.ask_token({**GRANT, "scope": "order"})
        token = data_of(answer)["oauth_token"]
        assert answer.headers["cache-control"] == "no-store"
        assert re.fullmatch(r"[0-9a-f]{64}", token["access_token"])
        assert (token["token_type"], token["scope"], token["expires_in"]) == ("bearer", "order", 86_399)
        row = await town.house.hub.pool.fetchrow(
            "SELECT token_hash, expires_at - business_now() AS left FROM access_tokens"
        )
        assert row is not None
        assert row["token_hash"] == hash_secret(token["access_token"])
        assert 86_300 < row["left"].total_seconds() <= 86_399


async def test_the_scope_that_is_granted_may_be_narrower_than_the_one_that_was_asked_for(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)

        async def granted(scope: str | None) -> str:
            answer = await app.ask_token(GRANT if scope is None else {**GRANT, "scope": scope})
            text: str = data_of(answer)["oauth_token"]["scope"]
            return text

        assert await granted("webhooks-management order order") == "webhooks-management order"
        assert await granted(None) == "order webhooks-management"
        kind = ChannelKind.APPLICATION
        await change_client.set_scopes(town.house.hub, ORGANIZATION, "loyalty", ["order"], kind)
        assert await granted("webhooks-management order") == "order"
        assert await granted("") == "order"
        refusal_of(await app.ask_token({**GRANT, "scope": "webhooks-management"}), 400, "invalid_scope")


@pytest.mark.parametrize(
    ("fields", "headers", "status", "code"),
    [
        ({}, {}, 400, "invalid_request"),
        ({"grant_type": ""}, {}, 400, "invalid_request"),
        ({"grant_type": "authorization_code"}, {}, 400, "unsupported_grant_type"),
        ({**GRANT, "scope": "order everything"}, {}, 400, "invalid_scope"),
        ({**GRANT, "scope": "orders"}, {}, 400, "invalid_scope"),
        (GRANT, {"authorization": None}, 401, "invalid_client"),
        (GRANT, {"authorization": "Basic !"}, 401, "invalid_client"),
        (GRANT, {"authorization": "Bearer abc"}, 401, "invalid_client"),
        (GRANT, {"authorization": basic("app_1", "x")}, 401, "invalid_client"),
        (GRANT, {"authorization": basic("", "")}, 401, "invalid_client"),
        (GRANT, {"authorization": basic("a" * 200, "x")}, 401, "invalid_client"),
        (GRANT, {"content_type": "text/plain"}, 415, "unsupported_media_type"),
        (GRANT, {"content_type": "application/json"}, 400, "malformed_json"),
        (GRANT, {"application": None}, 401, "unknown_application"),
        (GRANT, {"application": "0" * 32}, 401, "unknown_application"),
        (GRANT, {"application": "no key at all"}, 401, "unknown_application"),
        (GRANT, {"api_version": "3.9"}, 400, "unsupported_version"),
        ({**GRANT, "scope": "x" * 9_000}, {}, 413, "body_too_large"),
    ],
)
async def test_a_bad_token_request_is_refused_with_a_code_and_nothing_is_given_out(
    dsn: str, fields: dict[str, str], headers: dict[str, str | None], status: int, code: str
) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        answer = await app.ask_token(fields, **headers)
        refusal_of(answer, status, code)
        assert ("www-authenticate" in answer.headers) == (code == "invalid_client")
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM access_tokens") == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[]", 400, "invalid_request"),
        (b"null", 400, "invalid_request"),
        (b'{"grant_type": 1}', 400, "invalid_request"),
        (b'{"grant_type": "client_credentials", "scope": ["order"]}', 400, "invalid_request"),
        (b'{"grant_type": "client_credentials", "grant_type": "password"}', 400, "malformed_json"),
        (b'{"grant_type": "password"}', 400, "unsupported_grant_type"),
        (b"{", 400, "malformed_json"),
        (b"\xff", 400, "malformed_json"),
    ],
)
async def test_a_bad_token_request_in_json_is_refused_too(dsn: str, body: bytes, status: int, code: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        answer = await app.ask("POST", TOKENS, body, authorization=app.basic)
        refusal_of(answer, status, code)
        good = b'{"grant_type": "client_credentials", "scope": null}'
        assert data_of(await app.ask("POST", TOKENS, good, authorization=app.basic))


async def test_a_client_gets_no_token_under_another_applications_key(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app, other = await an_app(town), await an_app(town, "kiosk")
        answer = await app.ask_token(GRANT, application=other.made.application_key)
        refusal_of(answer, 401, "invalid_client")
        nosh = credentials(town)
        answer = await app.ask_token(GRANT, authorization=basic(nosh["client_id"], nosh["client_secret"]))
        refusal_of(answer, 401, "invalid_client")


async def test_a_token_is_good_for_its_own_application_and_protocol_alone(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app, other = await an_app(town), await an_app(town, "kiosk")
        token, links = await app.token(), await a_token(town, "orders menus stores events")
        for _ in range(2):  # looked up, and remembered
            assert data_of(await app.ask("GET", WEBHOOKS, token=token)) == {"webhooks": [], "next": None}
            refusal_of(await other.ask("GET", WEBHOOKS, token=token), 401, "invalid_token")
            refusal_of(await app.ask("GET", WEBHOOKS, token=links), 401, "invalid_token")
            assert (await ask(town, "GET", "/link/v2/stores", token=token)).status == 401
            assert (await ask(town, "GET", "/link/v2/stores", token=links)).status == 200
            assert (await ask(town, "GET", "/admin/v1/stores", token=token)).status == 401


async def test_an_expired_and_a_revoked_token_are_good_no_more(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app, hub, kind = await an_app(town), town.house.hub, ChannelKind.APPLICATION
        token = await app.token()
        await hub.pool.execute("UPDATE access_tokens SET expires_at = business_now() - interval '1 s'")
        refusal_of(await app.ask("GET", WEBHOOKS, token=token), 401, "invalid_token")
        token = await app.token()
        assert (await app.ask("GET", WEBHOOKS, token=token)).status == 200
        await change_client.revoke_tokens(hub, None, "loyalty", kind)
        refusal_of(await app.ask("GET", WEBHOOKS, token=token), 401, "invalid_token")
        token = await app.token()
        assert (await app.ask("GET", WEBHOOKS, token=token)).status == 200
        await change_client.disable_client(hub, None, "loyalty", kind)
        refusal_of(await app.ask("GET", WEBHOOKS, token=token), 401, "unknown_application")
        refusal_of(await app.ask_token(GRANT), 401, "unknown_application")
        await change_client.enable_client(hub, None, "loyalty", kind)
        refusal_of(await app.ask("GET", WEBHOOKS, token=token), 401, "invalid_token")
        assert (await app.ask("GET", WEBHOOKS, token=await app.token())).status == 200


async def test_an_old_secret_is_good_while_the_new_one_is_put_in_place(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app, hub, kind = await an_app(town), town.house.hub, ChannelKind.APPLICATION
        rotated = await change_client.rotate_secret(hub, None, "loyalty", 1, kind)
        new = basic(app.made.application_id, rotated.client_secret)
        for authorization in (app.basic, new):
            assert (await app.ask_token(GRANT, authorization=authorization)).status == 200
        await hub.pool.execute("UPDATE marketplaces SET old_secret_until = business_now() - interval '1 s'")
        refusal_of(await app.ask_token(GRANT), 401, "invalid_client")


async def test_no_secret_and_no_token_shows_where_it_should_not(dsn: str, caplog: Any, capfd: Any) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        token = await app.token()
        await app.ask("GET", WEBHOOKS, token=token + "x")
        await app.ask_token({**GRANT, "scope": "no"})
        told = caplog.text + "".join(capfd.readouterr())
        assert token not in told
        assert app.made.client_secret not in told
        assert app.made.client_secret not in repr(app)
        made = await add_application(town.house.hub, ORGANIZATION, "kiosk")
        assert made.client_secret not in repr(made)
        refused = json.loads((await app.ask("GET", f"{API}/webhooks", token=token + "x")).body)
        assert refused["error"]["message"] == "The token is missing, wrong or expired."
