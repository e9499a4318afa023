"""The Ordering API's envelope: around every answer below /api, whatever is wrong; and what an answer repeats."""

import json

import pytest

from asking import a_key, ask, ask_raw
from heard.http.ordering import handlers, routes
from heard.protocols.ordering.auth import SCOPES
from heard.protocols.ordering.operations import OPERATIONS, Token
from ordering import API, GRANT, TOKENS, WEBHOOKS, an_app, data_of, refusal_of
from parties import a_town

NOBODYS = "00000000-0000-0000-0000-000000000000"


async def test_every_operation_has_its_handler_and_is_routed_once(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        assert set(handlers(hub, town.house.outbound)) == {one.name for one in OPERATIONS}
        routed = [(method, route.path) for route in routes(hub, town.house.outbound) for method in route.methods or ()]
        assert sorted(place for place in routed if place[0] != "HEAD") == sorted(
            (one.method, one.path) for one in OPERATIONS
        )


async def test_no_call_is_let_in_without_its_application_and_the_token_it_needs(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app, key = await an_app(town), await a_key(town)
        for operation in OPERATIONS:
            path = operation.path.format(venue_id=NOBODYS, webhook_id=NOBODYS, order_id=NOBODYS, menu_id="m")
            for stated in (None, "", "0" * 32, app.made.client_secret, app.made.application_id):
                refusal_of(await app.ask(operation.method, path, application=stated), 401, "unknown_application")
            if operation.token is Token.NONE:
                continue
            for wrong in ("x", "0" * 64, key, "y" * 300):
                refusal_of(await app.ask(operation.method, path, token=wrong), 401, "invalid_token")
            for header in ("Basic YTpi", "Bearer", "Bearer "):
                refusal_of(await app.ask(operation.method, path, authorization=header), 401, "invalid_token")
            if operation.token is Token.NEEDED:
                assert operation.scope is not None
                refusal_of(await app.ask(operation.method, path), 401, "token_required")
                other = await app.token(next(one for one in SCOPES if one != operation.scope))
                refusal_of(await app.ask(operation.method, path, token=other), 403, "insufficient_scope")


async def test_a_token_may_come_in_authorization_and_its_own_header_goes_before(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        token = await app.token()
        assert (await app.ask("GET", WEBHOOKS, authorization=f"Bearer {token}")).status == 200
        assert (await app.ask("GET", WEBHOOKS, token=token, authorization="Basic YTpi")).status == 200
        answer = await app.ask("GET", WEBHOOKS, token="no", authorization=f"Bearer {token}")
        refusal_of(answer, 401, "invalid_token")


@pytest.mark.parametrize("version", ["4", "4.0", "4.44.0", "5", "5.1", "5.999", None])
async def test_a_version_from_4_to_5_is_taken_and_repeated(dsn: str, version: str | None) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        answer = await app.ask_token(GRANT, api_version=version, x_request_id="one.of_mine-1")
        assert data_of(answer)
        assert answer.headers.get("api-version") == version
        assert answer.headers["x-request-id"] == "one.of_mine-1"
        gone = await app.ask("GET", f"{API}/nothing", api_version=version)
        assert gone.headers.get("api-version") == version


@pytest.mark.parametrize("version", ["3.9", "6", "6.0", "44.0", "v4", "4.x", "4.", "latest", "", "4.4 4.5", "-4"])
async def test_any_other_version_is_refused_in_plain_words(dsn: str, version: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        for answer in (
            await app.ask_token(GRANT, api_version=version),
            await app.ask("GET", WEBHOOKS, token="x", api_version=version),
        ):
            said = refusal_of(answer, 400, "unsupported_version")["message"]
            assert said == f"Api-Version may be any from 4.0 to 5.x, such as 4.44.0, or left out; not {version!r}."


async def test_what_is_wrong_below_api_is_told_in_the_envelope_and_elsewhere_as_a_problem(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        token = await app.token()
        for path in (API, f"{API}/", f"{API}/nothing", f"{API}/oauth", f"{WEBHOOKS}/", f"{WEBHOOKS}/a/b"):
            refusal_of(await app.ask("GET", path), 404, "not_found")
        refusal_of(await app.ask("GET", f"{WEBHOOKS}?after=%00", token=token), 422, "invalid_body")
        refusal_of(await app.ask("DELETE", f"{WEBHOOKS}/a%00b", token=token), 404, "not_found")
        for method, path, allowed in (("GET", TOKENS, "POST"), ("PUT", WEBHOOKS, "GET, HEAD, POST")):
            answer = await app.ask(method, path)
            refusal_of(answer, 405, "method_not_allowed")
            assert answer.headers["allow"] == allowed
        elsewhere = await ask(town, "GET", "/apiary")
        assert elsewhere.headers["content-type"] == "application/problem+json"
        for body, media_type, status, code in (
            (b"{", "application/json", 400, "malformed_json"),
            (b'{"url": 1, "url": 2}', "application/json", 400, "malformed_json"),
            (b"[" * 10_000, "application/json", 400, "malformed_json"),
            (b"[]", "application/json", 422, "invalid_body"),
            (b"{}", "text/plain", 415, "unsupported_media_type"),
            (b" " * 20_000, "application/json", 413, "body_too_large"),
        ):
            answer = await app.ask("POST", WEBHOOKS, body, token, content_type=media_type)
            refusal_of(answer, status, code)
        answer = await app.ask("POST", WEBHOOKS, {"url": "https://a.example/"}, token, content_encoding="gzip")
        assert "Content-Encoding gzip" in refusal_of(answer, 415, "unsupported_media_type")["message"]


async def test_a_fault_of_ours_is_told_without_a_word_of_why(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        token = await app.token()
        await town.house.hub.pool.execute("ALTER TABLE endpoints RENAME TO endpoints_away")
        try:
            answer = await app.ask("GET", WEBHOOKS, token=token)
        finally:
            await town.house.hub.pool.execute("ALTER TABLE endpoints_away RENAME TO endpoints")
        error = refusal_of(answer, 500, "internal_error")
        assert (error["message"], error["retryable"]) == ("The server failed; its log says why.", True)


async def test_a_database_out_of_reach_is_503_with_when_to_come_again(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        pool = town.house.hub.pool
        town.house.hub.pool = _Unreachable()  # type: ignore[assignment]
        try:
            answer = await app.ask("GET", WEBHOOKS)
        finally:
            town.house.hub.pool = pool
        assert refusal_of(answer, 503, "unavailable")["retryable"]
        assert int(answer.headers["retry-after"]) > 0


async def test_who_hangs_up_in_the_middle_leaves_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        token = await app.token()
        head = f"POST {WEBHOOKS} HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\ncontent-length: 100\r\n"
        own = f"application: {app.made.application_key}\r\nx-api-authorization: Bearer {token}\r\n\r\n"
        await ask_raw(town, (head + own).encode(), b'{"url": "https://', hang_up=True)
        assert data_of(await app.ask("GET", WEBHOOKS, token=token))["webhooks"] == []


async def test_the_document_is_served_to_whoever_asks(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        document = json.loads((await ask(town, "GET", f"{API}/openapi.json")).body)
        assert document["info"]["title"] == "The Ordering API"
        assert set(document["paths"]) == {one.path for one in OPERATIONS}
        refusal_of(await ask(town, "GET", f"{API}/openapi.json?a=%00"), 422, "invalid_body")


class _Unreachable:
    """A pool whose database is away."""

    async def acquire(self, timeout: float) -> None:  # noqa: ASYNC109
        raise ConnectionRefusedError("away")
