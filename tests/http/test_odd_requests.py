"""Requests that well-meaning programs send, and that might be taken for something else: each is told what to send."""

import gzip
import json

import pytest

from asking import a_key, a_token, an_order_body, ask, ask_json, problem_of
from parties import a_town

LINK = "/link/v2"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "identity, gzip", "x" * 300])
async def test_a_packed_body_is_refused_by_its_name_and_leaves_nothing(dsn: str, encoding: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, key = await a_token(town, "orders stores"), await a_key(town, "stores")
        for path, let_in, body in (
            (f"{LINK}/orders", token, an_order_body(town)),
            (f"{LINK}/stores/{town.venue_id}/pause", token, {"reason": "no riders"}),
            (f"/admin/v1/stores/{town.venue_id}/pause", key, {"reason": "no riders"}),
        ):
            packed = gzip.compress(json.dumps(body).encode())
            answer = await ask_json(town, path, packed, let_in, content_encoding=encoding)
            detail = problem_of(answer, 415, "unsupported_media_type")["detail"]
            assert detail == f"Send the body as it is, without Content-Encoding {encoding.lower()[:80]}."
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 0
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM store_pauses") == 0
        plain = json.dumps(an_order_body(town)).encode()
        assert (await ask_json(town, f"{LINK}/orders", plain, token, content_encoding="identity")).status == 201


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("stores", "limit"),
        ("stores", "after"),
        ("events", "limit"),
        ("events", "after"),
        ("orders", "external_order_id"),
    ],
)
async def test_a_parameter_that_stands_twice_is_refused(dsn: str, path: str, name: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        token = await a_token(town, "stores events orders")
        answer = await ask(town, "GET", f"{LINK}/{path}?{name}=1&{name}=2", token=token)
        assert problem_of(answer, 422, "invalid_body")["errors"] == [
            {"path": name, "code": "repeated", "message": "give it once"}
        ]
