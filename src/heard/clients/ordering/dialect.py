"""How the Ordering API is called: an application key on every call, a token beside it, refusals in the envelope."""

import base64
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from heard import limits
from heard.clients.errors import HubError, refusal
from heard.clients.problems import Problem, fault_in
from heard.net.call import Answer, Call
from heard.protocols.ordering import answers

BASE: Final = "/api"
VERSION: Final = "5.0"  # any 4.x to 5.x is the same to a hub


class OrderingDialect:
    """The Ordering API, as one application speaks it; without a client, it asks for no token."""

    base = BASE

    def __init__(self, application_key: str, client: tuple[str, str] | None, scopes: Sequence[str]) -> None:
        self._application_key, self._client, self._scopes = application_key, client, tuple(scopes)

    @property
    def has_client(self) -> bool:
        return self._client is not None

    def token_call(self, url: str, request_id: str) -> Call:
        assert self._client is not None  # no token is asked for without one
        form = {"grant_type": "client_credentials", **({"scope": " ".join(self._scopes)} if self._scopes else {})}
        basic = base64.b64encode(":".join(self._client).encode()).decode()
        headers = {
            **self._stated(),
            "authorization": f"Basic {basic}",
            "content-type": "application/x-www-form-urlencoded",
            "x-request-id": request_id,
        }
        body, most = urlencode(form).encode(), limits.BODY_BYTES_MAX
        return Call("POST", f"{url}{BASE}/oauth/tokens", headers, body, limits.CLIENT_TRY_S, most)

    def read_token(self, raw: bytes) -> tuple[str, int]:
        return answers.read_token(raw)

    def token_refusal(self, answer: Answer, request_id: str) -> HubError:
        return refusal(fault_in(answer), answer, request_id, changes=False)

    def headers(self, token: str | None) -> dict[str, str]:
        stated = self._stated()
        return stated if token is None else {**stated, "x-api-authorization": f"Bearer {token}"}

    def problem(self, answer: Answer) -> Problem:
        return fault_in(answer)

    def _stated(self) -> dict[str, str]:
        return {"application": self._application_key, "api-version": VERSION}
