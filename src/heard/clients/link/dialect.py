"""How Link is called: tokens by a form, as RFC 6749 has them, and refusals as RFC 9457 problems."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from heard import limits
from heard.clients.errors import HubError, Unauthorized, refusal
from heard.clients.problems import Problem, problem_in
from heard.domain.refusals import Refused
from heard.net.call import Answer, Call
from heard.protocols.link.decode import decode_token
from heard.protocols.strict_json import read

BASE: Final = "/link/v2"


class _OAuthProblem(msgspec.Struct, frozen=True):
    error: str


class LinkDialect:
    """Link, as one client speaks it."""

    base = BASE
    has_client = True

    def __init__(self, client: tuple[str, str], scopes: Sequence[str]) -> None:
        self._client, self._scopes = client, tuple(scopes)

    def token_call(self, url: str, request_id: str) -> Call:
        form = {"grant_type": "client_credentials", "client_id": self._client[0], "client_secret": self._client[1]}
        if self._scopes:
            form["scope"] = " ".join(self._scopes)
        headers = {"content-type": "application/x-www-form-urlencoded", "x-request-id": request_id}
        body, most = urlencode(form).encode(), limits.BODY_BYTES_MAX
        return Call("POST", f"{url}{BASE}/oauth/token", headers, body, limits.CLIENT_TRY_S, most)

    def read_token(self, raw: bytes) -> tuple[str, int]:
        told = decode_token(raw)
        return told.access_token, told.expires_in

    def token_refusal(self, answer: Answer, request_id: str) -> HubError:
        try:
            error = read(answer.body, _OAuthProblem).error[: limits.WORD_MAX]
        except Refused:
            return refusal(problem_in(answer), answer, request_id, changes=False)
        detail = "the hub gives this client no token for what it asks"
        return Unauthorized(detail, code=error, status=answer.status, request_id=request_id)

    def headers(self, token: str | None) -> dict[str, str]:
        return {"authorization": f"Bearer {token}"}

    def problem(self, answer: Answer) -> Problem:
        return problem_in(answer)
