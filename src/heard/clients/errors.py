"""What may go wrong between a channel and a hub, as exceptions. Which one says what to do next; ONE table of them.

No text in them holds a secret: neither the token nor the client's secret nor a guest's data is ever put in.
"""

from heard import limits
from heard.clients.problems import Problem
from heard.domain.refusals import FieldError, Refused
from heard.net.call import Answer


class HubError(Exception):
    """Any of them.

    `code` is the hub's stable public code, or one of ours: `unreachable`, `no_answer`, `bad_answer`, `address_refused`.
    `status` is None where there was no answer. `retryable`: the same call may go better another time. `errors` name
    the places in the body that are wrong. `request_id` stands in the hub's log too. `retry_after_s`: what the hub asks
    to wait, a minute at most.
    """

    def __init__(
        self,
        detail: str = "",
        *,
        code: str = "",
        status: int | None = None,
        retryable: bool = False,
        errors: tuple[FieldError, ...] = (),
        request_id: str | None = None,
        retry_after_s: float | None = None,
        current: str | None = None,
        allowed: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail[: limits.REASON_MAX]
        self.code, self.status, self.retryable = code, status, retryable
        self.errors, self.request_id, self.retry_after_s = errors, request_id, retry_after_s
        self.current, self.allowed = current, allowed

    def __str__(self) -> str:
        status = f"{self.status} " if self.status else ""
        places = "".join(f"; {one.path}: {one.message}" for one in self.errors if one.message not in self.detail)
        asked = f" (request {self.request_id})" if self.request_id else ""
        return f"{status}{self.code}: {self.detail}{places[: limits.REASON_MAX]}{asked}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"


class RequestRefused(HubError):
    """The hub says no to what was asked: `errors` say where. Some (`store_not_accepting`) may go better later."""


class PaymentDeclined(RequestRefused):
    """Whoever was to pay does not, or cannot. No money is kept and no food is made."""


class Unauthorized(HubError):
    """The client's id and secret, or what it was given for them, are not taken."""


class Forbidden(HubError):
    """The client may not do this: its scopes do not hold it."""


class NotFound(HubError):
    """There is no such order, store or menu, or none of yours."""


class Conflict(HubError):
    """It contradicts what is there. `current` and `allowed`: how an order stands, and what may be asked of it."""


class Unavailable(HubError):
    """The hub cannot be reached or cannot serve now; nothing was carried out. Retried until the time was up."""


class UnknownOutcome(HubError):
    """The call went out and nobody said what became of it. Where `retryable`, the same call again is safe: it is
    carried out once.
    """


_BY_STATUS: dict[int, type[HubError]] = {
    401: Unauthorized,
    402: PaymentDeclined,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    429: Unavailable,
    503: Unavailable,
}


def refusal(told: Problem, answer: Answer, request_id: str, changes: bool) -> HubError:
    """An answer that is no good one, and what it says. `changes`: the call was to change something, and may have."""
    kind = _BY_STATUS.get(answer.status)
    if kind is None:
        kind = RequestRefused if answer.status < 500 else UnknownOutcome if changes else Unavailable
    retryable = issubclass(kind, Unavailable | UnknownOutcome)
    return kind(
        told.detail,
        code=told.code,
        status=answer.status,
        retryable=retryable if told.retryable is None else told.retryable,
        errors=told.places,
        request_id=told.request_id or request_id,
        retry_after_s=answer.retry_after_s,
        current=told.current,
        allowed=tuple(told.allowed),
    )


def unreadable(refused: Refused, answer: Answer, request_id: str, changes: bool) -> HubError:
    """A good status with a body that is not as agreed: something else than a hub may have answered."""
    kind = UnknownOutcome if changes else Unavailable
    detail = f"the answer is not as agreed: {refused.detail}"
    return kind(detail, code="bad_answer", status=answer.status, retryable=True, request_id=request_id)
