"""How tests speak to a town's hub as an application of the Ordering API, and hold its answers to the envelope."""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from asking import FORM, ask
from builders import ORGANIZATION
from heard.engine.add_parties import NewApplication, add_application, connect_store
from heard.net.call import Answer
from parties import Town

API = "/api"
TOKENS, WEBHOOKS = f"{API}/oauth/tokens", f"{API}/webhooks"
GRANT = {"grant_type": "client_credentials"}


@dataclass(frozen=True, slots=True)
class App:
    """An application of a town: connected to its store, without a token at first."""

    town: Town
    made: NewApplication

    @property
    def basic(self) -> str:
        return basic(self.made.application_id, self.made.client_secret)

    async def ask(
        self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str | None
    ) -> Answer:
        """One call; a body that is no bytes goes as JSON. A header that is None is left out."""
        named = {"application": self.made.application_key, **headers}
        if token is not None:
            named["x_api_authorization"] = f"Bearer {token}"
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if raw is not None:
            named.setdefault("content_type", "application/json")
        return await ask(self.town, method, path, raw, **{k: v for k, v in named.items() if v is not None})

    async def ask_token(self, fields: dict[str, str], **headers: str | None) -> Answer:
        stated: dict[str, str | None] = {"authorization": self.basic, "content_type": FORM, **headers}
        return await self.ask("POST", TOKENS, urlencode(fields).encode(), **stated)

    async def token(self, scope: str = "order webhooks-management") -> str:
        answer = await self.ask_token({**GRANT, "scope": scope})
        token: str = data_of(answer)["oauth_token"]["access_token"]
        return token


def basic(client_id: str, client_secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()


async def an_app(town: Town, name: str = "loyalty", *, connected: bool = True) -> App:
    """A new application of the town's organization."""
    made = await add_application(town.house.hub, ORGANIZATION, name)
    if connected:
        await connect_store(town.house.hub, town.venue_id, made.application_id)
    return App(town, made)


def data_of(answer: Answer, status: int = 200) -> Any:
    """What a good answer holds, in the envelope as documented."""
    assert answer.status == status, (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/json"
    body = json.loads(answer.body)
    assert list(body) == ["status", "code", "data"]
    assert (body["status"], body["code"]) == ("OK", status)
    return body["data"]


def refusal_of(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The error of an answer that must be this refusal, whole and without a word of our insides."""
    assert answer.status == status, (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    body = json.loads(answer.body)
    assert list(body) == ["status", "code", "error"]
    assert (body["status"], body["code"]) == ("ERROR", status)
    error: dict[str, Any] = body["error"]
    assert list(error) == ["code", "message", "errors", "retryable"]
    assert error["code"] == code, error
    assert isinstance(error["retryable"], bool)
    assert all(list(one) == ["path", "code", "message"] for one in error["errors"])
    assert b"Traceback" not in answer.body
    assert b".py" not in answer.body
    return error


def paths_of(error: dict[str, Any]) -> list[tuple[str, str]]:
    """Path and code of each wrong place."""
    return [(one["path"], one["code"]) for one in error["errors"]]
