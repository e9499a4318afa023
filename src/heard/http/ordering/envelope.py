"""The Ordering API's envelope around every answer, refusals too; and the headers that every answer repeats."""

import re
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from heard.domain.refusals import Code, Refused
from heard.http import handlers
from heard.net.answering import Handler
from heard.net.problems import tell
from heard.protocols.ordering.encode import encode_refusal

JSON = "application/json"
# Our reading: what a version says is accepted, and changes nothing.
_VERSION = re.compile(r"[45](\.[0-9]{1,4}){0,3}")
_DECENT = re.compile(r"[A-Za-z0-9._-]{1,32}")


def refusal_response(refused: Refused, request_id: str) -> Response:
    """A refusal in the envelope: the same table of statuses as everywhere."""
    told = tell(refused)
    body = encode_refusal(told.status, refused.code, told.detail, told.errors, told.retryable)
    return Response(body, told.status, told.headers | {"x-request-id": request_id}, JSON)


def check_version(request: Request) -> None:
    """Raises Refused(unsupported_version)."""
    asked = request.headers.get("api-version")
    if asked is not None and _VERSION.fullmatch(asked.strip()) is None:
        text = f"Api-Version may be any from 4.0 to 5.x, such as 4.44.0, or left out; not {asked[:40]!r}."
        raise Refused(Code.UNSUPPORTED_VERSION, text)


def answered(handler: Handler, route: str) -> Handler:
    """The handler with every way out of it answered in the envelope, and what the caller said of itself repeated."""
    inner = _in_the_envelope(handler, route=route)

    async def answer(request: Request) -> Response:
        return repeating(request, await inner(request))

    return answer


def repeating(request: Request, response: Response) -> Response:
    """The answer with the request's Api-Version; X-Request-ID is repeated everywhere."""
    asked = request.headers.get("api-version")
    if asked is not None and _DECENT.fullmatch(asked):
        response.headers["api-version"] = asked
    return response


_in_the_envelope = partial(handlers.answered, refuse=refusal_response)
