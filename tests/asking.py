"""How tests ask a town's hub over a socket: with a token or without one, well-formed or byte by byte."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

from builders import ORGANIZATION
from heard.domain.ids import OrganizationId
from heard.engine.admin_keys import add_key
from heard.net.call import Answer, Call
from heard.protocols.admin.openapi import admin_document
from heard.protocols.link.encode import encode_new_order
from heard.protocols.link.events import decode_event
from heard.protocols.link.openapi import link_document
from heard.protocols.ordering.openapi import ordering_document
from lengths import patience
from parties import Town
from schemas import answer_faults, operation_at

DOCUMENTS = (link_document(), admin_document(), ordering_document())
TO_ANYTHING = (408, 431, 500)
FORM = "application/x-www-form-urlencoded"
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code", "retryable", "request_id", "errors"}
ORDER_TABLES = ("orders", "order_keys", "order_bodies", "order_history", "exchanges", "events")


async def ask(
    town: Town, method: str, path: str, body: bytes | None = None, token: str | None = None, **headers: str
) -> Answer:
    """One call to the hub; underscores in the names of headers are dashes. It must be answered."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        named["authorization"] = f"Bearer {token}"
    answer = await town.house.outbound.send(Call(method, town.hub_url + path, named, body, 60.0, 1 << 20))
    assert isinstance(answer, Answer), answer
    hold_to_document(method, path, answer)
    return answer


def hold_to_document(method: str, path: str, answer: Answer) -> None:
    """Whatever the hub answers is what its OpenAPI documents say, but for what may be answered to anything."""
    for document in DOCUMENTS:
        operation = operation_at(document, method, path)
        if operation is not None and answer.status not in TO_ANYTHING:
            found = answer_faults(document, operation, answer.status, answer.headers, answer.body)
            assert found == [], (method, path, answer.status, answer.body)


async def ask_json(town: Town, path: str, body: bytes, token: str | None = None, **headers: str) -> Answer:
    return await ask(town, "POST", path, body, token, content_type="application/json", **headers)


async def ask_token(town: Town, /, authorization: str | None = None, **form: str) -> Answer:
    """A token request with whatever a test wants to say."""
    headers = {"authorization": authorization} if authorization else {}
    return await ask(town, "POST", "/link/v2/oauth/token", urlencode(form).encode(), content_type=FORM, **headers)


def credentials(town: Town) -> dict[str, str]:
    """The town's marketplace's own, as form fields."""
    return {"client_id": town.marketplace._client_id, "client_secret": town.marketplace._client_secret}


async def a_token(town: Town, scope: str = "orders") -> str:
    answer = await ask_token(town, grant_type="client_credentials", scope=scope, **credentials(town))
    assert answer.status == 200, answer.body
    token: str = json.loads(answer.body)["access_token"]
    return token


async def a_key(town: Town, scopes: str = "read orders stores menus webhooks admin", of: str = ORGANIZATION) -> str:
    """A key to the admin API, of the town's organization or another one."""
    return (await add_key(town.house.hub, OrganizationId(of), "a test", scopes.split())).key


async def ask_raw(town: Town, *pieces: bytes, hang_up: bool = False) -> bytes:
    """Bytes as they are on a socket of their own; all that comes back, empty when we hang up first."""
    host, _, port = town.hub_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if hang_up:
            return b""
        async with patience():
            return await reader.read()
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def an_order_body(town: Town, number: str = "A-1", **changes: Any) -> dict[str, Any]:
    """A good order of the town's marketplace, as JSON values."""
    return {**json.loads(encode_new_order(town.content(number))), **changes}


def problem_of(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer that must be this refusal, whole and without a word of our insides."""
    assert answer.status == status, (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(answer.body)
    assert set(document) - {"current", "allowed"} == PROBLEM_MEMBERS
    assert (document["status"], document["code"], document["type"]) == (status, code, f"/problems/{code}")
    assert document["title"]
    assert document["request_id"] == answer.headers["x-request-id"]
    assert isinstance(document["retryable"], bool)
    assert all(set(error) == {"path", "code", "message"} for error in document["errors"])
    assert b"Traceback" not in answer.body
    assert b".py" not in answer.body
    return document


def read_event(body: bytes) -> Any:
    """An event as the town's marketplace wrote it down; its id stood in the headers."""
    return decode_event("evt_in_the_headers", body)


async def rows(town: Town) -> dict[str, int]:
    """How many rows each table that an order writes to has."""
    return {table: await town.house.hub.pool.fetchval(f"SELECT count(*) FROM {table}") for table in ORDER_TABLES}


async def nothing_remains(town: Town) -> bool:
    """Whether no order left a trace."""
    return not any((await rows(town)).values())
