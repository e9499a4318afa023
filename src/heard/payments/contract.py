"""What a payment provider must be able to do. Those there are stand beside this file.

Each call has a key that is the same on every repeat: the provider carries it out once, and answers each time alike.
"""

from dataclasses import dataclass, field
from typing import Protocol

from heard.domain.ids import OrganizationId, PaymentId
from heard.domain.money import Cents
from heard.domain.payments import PaymentStep


@dataclass(frozen=True, slots=True)
class Charge:
    """The money of one order. `method`: what the guest pays with, in the provider's words; it never shows in a repr."""

    organization_id: OrganizationId
    payment_id: PaymentId
    amount: Cents
    currency: str
    method: str | None = field(default=None, repr=False)

    def key(self, step: PaymentStep) -> str:
        """The key of one call about it."""
        return f"{self.payment_id}:{step}"


@dataclass(frozen=True, slots=True)
class Authorized:
    """The amount is held for us. `ref`: the provider's name of it, which the other calls are about."""

    ref: str


@dataclass(frozen=True, slots=True)
class Declined:
    """Nothing is held, and nothing will be under this key."""

    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """Carried out, now or before."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not carried out, and asking again changes nothing: a person must look."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoOutcome:
    """No answer to rely on: it may have been carried out. The same call is to be made again, under the same key."""

    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A call that went out, for the record: no header, no body, no host. `status` None: no answer, `error` says why."""

    method: str
    path: str
    status: int | None
    ms: float
    error: str | None = None


@dataclass(slots=True)
class Record:
    """The calls made for one step, in turn."""

    made: list[Made] = field(default_factory=list)


class Provider(Protocol):
    """Whatever the provider does or says, these return an outcome and never raise for its doing."""

    async def authorize(
        self, charge: Charge, key: str, record: Record, *, ended: bool
    ) -> Authorized | Declined | NoOutcome:
        """Hold the amount, and take nothing yet.

        `ended`: an earlier call's outcome is unknown, and nobody wants the money any more. Then what is held is told,
        and what is not yet, never will be: Declined.
        """

    async def capture(self, charge: Charge, ref: str, key: str, record: Record) -> Done | Refused | NoOutcome:
        """Take the whole amount that is held."""

    async def void(self, charge: Charge, ref: str, key: str, record: Record) -> Done | Refused | NoOutcome:
        """Let go of what is held."""

    async def refund(self, charge: Charge, ref: str, key: str, record: Record) -> Done | Refused | NoOutcome:
        """Give the whole amount back that was taken."""
