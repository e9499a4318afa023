"""An operator's client: one method for every call of the table, with the request and the answer as typed structs."""

import re
import secrets
from collections.abc import AsyncIterator
from datetime import datetime
from types import TracebackType
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from heard import limits
from heard.clients.address import hub_address
from heard.clients.problems import problem_in
from heard.domain.refusals import FieldError, Refused
from heard.net.call import Answer, Call, Carrier, NoAnswer
from heard.net.guard import AddressGuard
from heard.net.outbound import Outbound
from heard.protocols.admin.operation import Operation
from heard.protocols.strict_json import read

R = TypeVar("R", bound=msgspec.Struct)
Named = str | int | bool | datetime | None
_BASE: Final = "/admin/v1"
_IN_PATH: Final = re.compile(r"\{(\w+)\}")
_EVERYWHERE: Final = ("0.0.0.0/0", "::/0")  # whoever holds a key says where the hub is; no stranger does
_encoder = msgspec.json.Encoder(decimal_format="number")  # of a body that somebody else wrote, too


class AdminError(Exception):
    """The hub did not do what was asked, or nobody knows whether it did.

    `code` is the hub's stable public code, or one of ours: `unreachable`, `no_id`, `no_answer`, `bad_answer`. `status`
    is None where there was no answer. `unsure`: what was to be changed may have been; look before you ask again.
    `retryable`: the same call may go better another time. `errors` name the places that are wrong; `current` and
    `allowed` say how an order stands and what may be asked of it. `request_id` stands in the hub's log too. No text
    holds the key.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        unsure: bool = False,
        retryable: bool = False,
        errors: tuple[FieldError, ...] = (),
        request_id: str | None = None,
        current: str | None = None,
        allowed: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.code, self.detail, self.status = code, detail[: limits.TEXT_MAX], status
        self.unsure, self.retryable = unsure, retryable
        self.errors, self.request_id, self.current, self.allowed = errors, request_id, current, allowed

    def __str__(self) -> str:
        status = f"{self.status} " if self.status else ""
        asked = f" (request {self.request_id})" if self.request_id else ""
        return f"{status}{self.code}: {self.detail}{asked}"


class AdminClient:
    """One key at one hub, for one event loop. Use it with `async with`.

    Each call is made once. Those that look may be made again whatever became of them; those that change something may
    have been carried out where the error is `unsure`: look first, or give the `version` that you have seen.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        timeout_s: float = limits.CLIENT_TIMEOUT_S,
        carrier: Carrier | None = None,
    ) -> None:
        """`url` is where the hub is, without `/admin/v1`. `carrier`: a way that is shared, or leads to an app in this
        process; it is closed by whoever made it. `key` None: the app there knows who calls.
        """
        self.url = hub_address(url, _BASE)
        self._key, self._timeout_s = key, timeout_s
        self._own: Outbound | None = None
        if carrier is None:
            carrier = self._own = Outbound(AddressGuard(_EVERYWHERE))
        self._carrier = carrier

    def __repr__(self) -> str:
        return f"AdminClient({self.url!r})"

    async def __aenter__(self) -> "AdminClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own is not None:
            await self._own.__aexit__(kind, error, trace)

    async def call(self, operation: Operation[R], body: msgspec.Struct | None = None, /, **named: Named) -> R:
        """Make one call of the table. `named` are what its path and its query name; None is left out.

            await hub.call(operations.ACCEPT_ORDER, wire.AcceptOrder(prep_time_min=20), order_id="ord_...")

        Raises AdminError; TypeError for what the table does not know.
        """
        if not isinstance(body, operation.request or type(None)):
            wanted = operation.request.__name__ if operation.request else "nothing"
            raise TypeError(f"{operation.name}: takes {wanted}, not {type(body).__name__}")
        request_id = f"req_{secrets.token_hex(12)}"
        headers = {"accept": "application/json", "x-request-id": request_id}
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key}"
        if body is not None:
            headers["content-type"] = "application/json"
        url, raw = self.url + _path(operation, named), None if body is None else _encoder.encode(body)
        answer = await self._carrier.send(
            Call(operation.method, url, headers, raw, self._timeout_s, limits.CLIENT_ANSWER_BYTES_MAX)
        )
        if isinstance(answer, NoAnswer):
            raise _no_answer(answer, operation, request_id)
        if answer.status not in operation.success:
            raise _refusal(answer, operation, request_id)
        try:
            return read(answer.body, operation.response)
        except Refused as refused:
            detail = f"the answer is not as agreed: {refused.detail}"
            unsure, status = _changes(operation), answer.status
            raise AdminError("bad_answer", detail, status=status, unsure=unsure, request_id=request_id) from None

    async def pages(self, operation: Operation[R], /, **named: Named) -> AsyncIterator[R]:
        """A list page by page, to its end. Raises AdminError."""
        after = named.pop("after", None)
        while True:
            page = await self.call(operation, **named, after=after)
            yield page
            following: str | None = getattr(page, "next", None)
            if following is None or following == after:
                return
            after = following


def _path(operation: Operation[Any], named: dict[str, Named]) -> str:
    """Path and query. Raises TypeError for a name that is neither's, or a part of the path that is missing."""
    parts, queries = _IN_PATH.findall(operation.path), [one.name for one in operation.queries]
    given = {name: value for name, value in named.items() if value is not None}
    wrong = [name for name in given if name not in (*parts, *queries)] + [name for name in parts if name not in given]
    if wrong:
        raise TypeError(f"{operation.name}: {wrong[0]}: its path and query name {', '.join((*parts, *queries))}")
    path = operation.path.format(**{name: _segment(_text(given[name])) for name in parts})
    query = urlencode({name: _text(given[name]) for name in queries if name in given})
    return f"{path}?{query}" if query else path


def _segment(text: str) -> str:
    """One part of a path. Raises AdminError for what would name another path."""
    if text in ("", ".", ".."):
        raise AdminError("no_id", f"{text!r} is no id")
    return quote(text, safe="")


def _text(value: Named) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


def _no_answer(answer: NoAnswer, operation: Operation[Any], request_id: str) -> AdminError:
    if not answer.sent:
        return AdminError("unreachable", answer.reason, retryable=not answer.refused)
    changes = _changes(operation)
    return AdminError("no_answer", answer.reason, unsure=changes, retryable=not changes, request_id=request_id)


def _changes(operation: Operation[Any]) -> bool:
    return operation.method != "GET"


def _refusal(answer: Answer, operation: Operation[Any], request_id: str) -> AdminError:
    """A fault of the hub, or of whatever stands before it, does not say what was done before."""
    told, fails = problem_in(answer), answer.status >= 500
    again = fails and not _changes(operation)
    return AdminError(
        told.code,
        told.detail,
        status=answer.status,
        unsure=fails and _changes(operation),
        retryable=again if told.retryable is None else told.retryable,
        errors=told.places,
        request_id=told.request_id or request_id,
        current=told.current,
        allowed=tuple(told.allowed),
    )
