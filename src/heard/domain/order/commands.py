"""What may be asked of an order. A command says what happened or is wanted; decide.py says what follows."""

from dataclasses import dataclass
from datetime import datetime

from heard.domain.ids import PosOrderId
from heard.domain.money import Cents
from heard.domain.order.model import Party, ReasonCode
from heard.domain.payments import PaymentStep
from heard.domain.pos import KitchenState

HUB = Party.HUB
POS = Party.POS
CHANNEL = Party.CHANNEL
STAFF = Party.STAFF
PROVIDER = Party.PROVIDER


@dataclass(frozen=True, slots=True)
class RepeatOrder:
    """The channel sent the same order again."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Its time has come."""


@dataclass(frozen=True, slots=True)
class PassValidation:
    """The POS would take the order; `pos_total` is what it computed."""

    pos_total: Cents | None = None


@dataclass(frozen=True, slots=True)
class DeferValidation:
    """The POS answered the validate with 202 or `pending`."""

    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class SendTicket:
    """Written before the submit goes out, so that a crash leaves an unknown outcome, never a second ticket."""


@dataclass(frozen=True, slots=True)
class DeferTicket:
    """The POS answered the submit (or a read of it) with 202 or `pending`."""

    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class PlaceTicket:
    """The ticket is in the POS; `kitchen` says how far it is there. `asked`: we read it, it was not called back."""

    pos_order_id: PosOrderId | None
    pos_total: Cents | None = None
    estimated_ready_at: datetime | None = None
    kitchen: KitchenState | None = None
    asked: bool = True


@dataclass(frozen=True, slots=True)
class RefuseOrder:
    """The POS says no, to the validate or to the submit: a business no."""

    reason_code: ReasonCode
    reason: str


@dataclass(frozen=True, slots=True)
class ErrorOrder:
    """The POS failed for good, to the validate or to the submit."""

    reason_code: ReasonCode
    reason: str


@dataclass(frozen=True, slots=True)
class FailAttempt:
    """A call brought no answer to rely on. `ticket_may_exist`: the submit may have been carried out all the same."""

    reason: str
    ticket_may_exist: bool
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class MissTicket:
    """The POS does not know the submit's request_uid: the same request may go out again."""


@dataclass(frozen=True, slots=True)
class CancelTicket:
    """The POS says the order was cancelled there, by itself or because we asked."""

    reason: str


@dataclass(frozen=True, slots=True)
class DeferCancel:
    """The POS answered the cancel (or a read after it) with 202 or `pending`."""

    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class RefuseCancel:
    """The POS does not take the ticket back: it says so, or does not serve the call."""

    reason: str


@dataclass(frozen=True, slots=True)
class RequestCancel:
    """A channel or the staff wants the order cancelled."""

    by: Party
    reason_code: ReasonCode
    note: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptOrder:
    """Staff take the order. Ready at `ready_at`, or `prep_time_min` from now; neither: the store's usual time."""

    prep_time_min: int | None = None
    ready_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RejectOrder:
    """Staff do not take the order."""

    reason_code: ReasonCode
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class StartOrder:
    """Staff say that the kitchen has begun."""


@dataclass(frozen=True, slots=True)
class MoveEta:
    """Staff say when the order will be ready."""

    ready_at: datetime


@dataclass(frozen=True, slots=True)
class FinishOrder:
    """Staff say that the order is ready for the guest."""


@dataclass(frozen=True, slots=True)
class CompleteOrder:
    """Staff say that the order was handed over."""


@dataclass(frozen=True, slots=True)
class ResolveAttention:
    """Staff have seen to what they were called for; `note` says how."""

    note: str


@dataclass(frozen=True, slots=True)
class PassDeadline:
    """accept_by has passed."""


@dataclass(frozen=True, slots=True)
class HoldCall:
    """The store's POS is gone: no call before `until`, unless it comes back before that."""

    until: datetime


@dataclass(frozen=True, slots=True)
class ReleaseCall:
    """The store's POS is back."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The POS was asked about an open ticket, or to take one back, for as long as we ask."""


@dataclass(frozen=True, slots=True)
class Park:
    """Working on the order failed again and again by a fault of ours."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unpark:
    """A person wants an order worked on again: a parked one, or one whose ticket the POS did not give back."""

    by: Party


@dataclass(frozen=True, slots=True)
class SendPayment:
    """Written before a call to the payment provider goes out, so that a crash leaves an unknown outcome, no second."""

    step: PaymentStep


@dataclass(frozen=True, slots=True)
class PassPayment:
    """The provider carried out the call that is under way; `ref` is its own name for the payment."""

    step: PaymentStep
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class RefusePayment:
    """The provider says no for good, to an authorization or to a capture."""

    step: PaymentStep
    reason: str


@dataclass(frozen=True, slots=True)
class FailPayment:
    """The call under way brought no answer to rely on: it may have been carried out all the same."""

    step: PaymentStep
    reason: str
    retry_after_s: float | None = None


OfPayment = SendPayment | PassPayment | RefusePayment | FailPayment
ByHand = AcceptOrder | RejectOrder | StartOrder | MoveEta | FinishOrder | CompleteOrder | ResolveAttention
StaffCommand = ByHand | RequestCancel | Unpark  # what staff may ask for

Command = (
    RepeatOrder
    | Dispatch
    | PassValidation
    | DeferValidation
    | SendTicket
    | DeferTicket
    | PlaceTicket
    | RefuseOrder
    | ErrorOrder
    | FailAttempt
    | MissTicket
    | CancelTicket
    | DeferCancel
    | RefuseCancel
    | RequestCancel
    | PassDeadline
    | HoldCall
    | ReleaseCall
    | GiveUp
    | Park
    | Unpark
    | ByHand
    | OfPayment
)
