"""What a hub says when it does not do what was asked, read as far as it goes: RFC 9457 problems, and envelopes."""

from http import HTTPStatus

import msgspec

from heard.domain.refusals import FieldError, Refused
from heard.net.call import Answer
from heard.protocols.strict_json import read


class _Place(msgspec.Struct, frozen=True):
    path: str = ""
    code: str = ""
    message: str = ""


class Problem(msgspec.Struct, frozen=True):
    """What is looked at in a problem document; anything may be missing, since a proxy may have answered."""

    code: str = ""
    detail: str = ""
    retryable: bool | None = None
    errors: list[_Place] = []
    request_id: str | None = None
    current: str | None = None
    allowed: list[str] = []

    @property
    def places(self) -> tuple[FieldError, ...]:
        """The places in the body that are wrong."""
        return tuple(FieldError(one.path, one.code, one.message) for one in self.errors)


def problem_in(answer: Answer) -> Problem:
    """The problem in an answer that is no good one; where it has none, what its status alone says."""
    try:
        told = read(answer.body, Problem)
    except Refused:
        told = Problem()
    return _whole(told, answer)


class _Fault(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""
    errors: list[_Place] = []
    retryable: bool | None = None


class _Envelope(msgspec.Struct, frozen=True):
    error: _Fault = _Fault()


def fault_in(answer: Answer) -> Problem:
    """As problem_in, of an answer in the Ordering API's envelope."""
    try:
        fault = read(answer.body, _Envelope).error
    except Refused:
        fault = _Fault()
    request_id = answer.headers.get("x-request-id")
    return _whole(Problem(fault.code, fault.message, fault.retryable, fault.errors, request_id), answer)


def _whole(told: Problem, answer: Answer) -> Problem:
    code, detail = told.code or f"http_{answer.status}", told.detail or _phrase(answer.status)
    return msgspec.structs.replace(told, code=code, detail=detail)


def _phrase(status: int) -> str:
    try:
        return f"the hub answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"the hub answered {status}"
