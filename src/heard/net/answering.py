"""How every handler is answered for: a request id, refusals in its protocol's form, faults as 500 without saying why.

Every line that is logged meanwhile has the request id, and the ids of what the path names; it is all in one span.
"""

import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from structlog.contextvars import bind_contextvars, reset_contextvars, unbind_contextvars

from heard.domain.refusals import Code, FieldError, Refused
from heard.net import tracing
from heard.net.problems import problem
from heard.net.tracing import Kind

log = structlog.get_logger()

Handler = Callable[[Request], Awaitable[Response]]
Refusing = Callable[[Refused, str], Response]  # how a protocol writes a refusal; the text is the request's id
Counting = Callable[[str, int, float], None]  # of an answer: the request's path, the status, the seconds it took
# What a part of a path is called that lets somebody in: no line of the log has such a path.
SECRET = "secret"  # noqa: S105
FAILED = "The server failed; its log says why."
_PROCESS, _NUMBERS = secrets.token_hex(8), itertools.count(1)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def problem_response(refused: Refused, request_id: str) -> Response:
    """A refusal as most protocols write it."""
    status, headers, body = problem(refused, request_id)
    return Response(body, status, headers | {"x-request-id": request_id})


def answered(
    handler: Handler,
    unreachable: tuple[type[Exception], ...] = (),
    refuse: Refusing = problem_response,
    count: Counting | None = None,
    route: str | None = None,
) -> Handler:
    """The handler with every way out of it answered. `unreachable`: what says that its database cannot be reached;
    `refuse`: how its protocol writes refusals; `count` is told of each answer; `route`: the path's pattern, under which
    its requests are traced; None: they are not.
    """

    async def answer(request: Request) -> Response:
        request_id = request_id_of(request)
        named = {} if SECRET in request.path_params else request.path_params
        tokens = bind_contextvars(**named, request_id=request_id)
        try:
            if route is None:
                return await answer_as(request_id, request)
            trace = request.headers.get("traceparent")
            with tracing.span(f"{request.method} {route}", Kind.SERVER, trace) as span:
                response = await answer_as(request_id, request)
                span.note(_said_of(request, route, request_id, response))
                if response.status_code >= 500:
                    span.fail(f"it was answered {response.status_code}")
            return response
        finally:
            reset_contextvars(**tokens)
            unbind_contextvars("order_id")  # which the engine may have named

    async def answer_as(request_id: str, request: Request) -> Response:
        path = route if route is not None and SECRET in request.path_params else request.scope["path"]
        begun = time.perf_counter()
        try:
            _refuse_nul(request)
            response = await handler(request)
        except Refused as refused:
            log.info(
                "refused",
                request_id=request_id,
                method=request.method,
                path=path,
                code=refused.code,
                why=refused.detail,
            )
            response = refuse(refused, request_id)
        except ClientDisconnect:
            log.info("the caller hung up", request_id=request_id, path=path)
            response = refuse(Refused(Code.MALFORMED_REQUEST, "The request did not come to its end."), request_id)
        except unreachable as fault:
            slow = isinstance(fault, TimeoutError)
            text = "The database answers too slowly." if slow else "The database cannot be reached."
            log.warning(text, request_id=request_id, path=path, error=str(fault))
            unavailable = Refused(Code.UNAVAILABLE, text, retry_after_s=2)
            response = refuse(unavailable, request_id)
        except Exception:
            log.exception("a fault of ours", request_id=request_id, path=path)
            response = refuse(Refused(Code.INTERNAL, FAILED), request_id)
        response.headers["x-request-id"] = request_id
        took_s = time.perf_counter() - begun
        if count is not None:
            count(path, response.status_code, took_s)
        log.debug(
            "answered",
            request_id=request_id,
            method=request.method,
            path=path,
            status=response.status_code,
            ms=round(took_s * 1000, 1),
        )
        return response

    return answer


def _said_of(request: Request, route: str, request_id: str, response: Response) -> dict[str, tracing.Value]:
    """What a request's span says: never the path itself, which is the caller's to write."""
    return {
        "http.request.method": request.method,
        "http.route": route,
        "http.response.status_code": response.status_code,
        "heard.request_id": request_id,
    }


def _refuse_nul(request: Request) -> None:
    """No id of anybody's holds a NUL, and no database takes one. Raises Refused."""
    if "\0" in request.scope["path"]:
        raise Refused(Code.NOT_FOUND, "Nothing is served at a path with a NUL.")
    if b"%00" not in request.scope["query_string"]:
        return
    for name, value in request.query_params.multi_items():
        if "\0" in value:
            error = FieldError(name, "not_text", "must not hold a NUL")
            raise Refused(Code.INVALID_BODY, f"{error.path}: {error.message}", error)


def request_id_of(request: Request) -> str:
    """The caller's X-Request-ID if it is a decent one, else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else new_request_id()


def new_request_id() -> str:
    """Another one each time, whatever process makes it."""
    return f"req_{_PROCESS}{next(_NUMBERS):08x}"
