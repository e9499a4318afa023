"""Where an order stands: one frozen value, all of it in the order's hot row. What was ordered is in content.py."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from heard.domain.ids import ExternalOrderId, MarketplaceId, OrderId, OrganizationId, PosOrderId, VenueId
from heard.domain.money import Cents
from heard.domain.payments import PaymentState


class Status(StrEnum):
    """Where an order stands for everyone. What may follow what is the table in lifecycle.py."""

    RECEIVED = "received"
    SCHEDULED = "scheduled"
    AWAITING_STAFF = "awaiting_staff"  # the store has no POS: its staff accept
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    AWAITING_POS = "awaiting_pos"
    CONFIRMED = "confirmed"
    IN_PREP = "in_prep"
    READY = "ready"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Party(StrEnum):
    """Who does something to an order."""

    HUB = "hub"
    POS = "pos"
    CHANNEL = "channel"
    STAFF = "staff"
    PROVIDER = "provider"  # who holds the guests' money


class Validation(StrEnum):
    """What the POS said to the validate call, which commits nothing."""

    NOT_ASKED = "not_asked"
    PENDING = "pending"  # it answered 202 and is asked again
    PASSED = "passed"  # or skipped by the store's setting


class Ticket(StrEnum):
    """What we know of the order's ticket in the POS. It can stay open after the order itself is final."""

    NOT_SENT = "not_sent"  # certainly not in the POS
    SENT = "sent"  # a submit was on its way and nothing was heard: it may exist
    PENDING = "pending"  # the POS answered 202
    PLACED = "placed"
    REFUSED = "refused"
    WITHDRAWING = "withdrawing"  # the order has ended; the POS is being asked to take the ticket back
    WITHDRAWAL_PENDING = "withdrawal_pending"  # the POS answered that with 202
    CANCELLED = "cancelled"
    BY_HAND = "by_hand"  # staff took the order in hand: on paper, or typed in as a ticket of their own
    BOTH = "both"  # staff took it in hand, and the POS has a ticket of it as well

    @property
    def is_open(self) -> bool:
        """The POS has still to tell what became of it."""
        return self in _OPEN_TICKETS

    @property
    def is_leaving(self) -> bool:
        """It is in the POS and is to be taken back."""
        return self in _LEAVING_TICKETS


_OPEN_TICKETS = frozenset({Ticket.SENT, Ticket.PENDING})
_LEAVING_TICKETS = frozenset({Ticket.WITHDRAWING, Ticket.WITHDRAWAL_PENDING})


class ReasonCode(StrEnum):
    """Why an order was rejected or cancelled; the closed list that channels see."""

    ITEM_UNAVAILABLE = "item_unavailable"
    STORE_CLOSED = "store_closed"
    STORE_PAUSED = "store_paused"
    PRICE_MISMATCH = "price_mismatch"
    NOT_ACCEPTED_IN_TIME = "not_accepted_in_time"
    POS_UNREACHABLE = "pos_unreachable"
    POS_REFUSED = "pos_refused"
    CANCELLED_BY_GUEST = "cancelled_by_guest"
    OTHER = "other"


class Attention(StrEnum):
    """Why a person should look at an order."""

    ORPHAN_TICKET = "orphan_ticket"  # the order had ended when its ticket turned up, and the POS did not take it back
    CANCEL_AT_POS = "cancel_at_pos"  # cancelled, and the POS did not take the ticket back: take it off by hand
    TOTALS_DIFFER = "totals_differ"  # the POS's total is not the one the guest paid
    OUTCOME_UNKNOWN = "outcome_unknown"  # the POS never told what became of the ticket
    PARKED = "parked"  # working on it failed again and again
    TELL_KITCHEN = "tell_kitchen"  # cancelled after staff had taken it in hand: no POS tells the kitchen
    SECOND_TICKET = "second_ticket"  # staff had taken it in hand, and then the POS had a ticket of it as well
    PAYMENT = "payment"  # its provider refuses, or fails again and again: money is owed to somebody


@dataclass(frozen=True, slots=True)
class Order:
    """Times are aware UTC, amounts cents. `version` grows with each change, `sequence` with each channel event."""

    organization_id: OrganizationId
    order_id: OrderId
    venue_id: VenueId
    marketplace_id: MarketplaceId
    external_order_id: ExternalOrderId
    currency: str
    total: Cents
    received_at: datetime
    accept_by: datetime
    status: Status = Status.RECEIVED
    version: int = 1
    sequence: int = 0
    requested_at: datetime | None = None
    release_at: datetime | None = None
    validation: Validation = Validation.NOT_ASKED
    ticket: Ticket = Ticket.NOT_SENT
    validate_at: datetime | None = None  # request_datetime of the validate: retries send the same bytes
    submit_at: datetime | None = None  # request_datetime of the submit
    pos_order_id: PosOrderId | None = None
    pos_total: Cents | None = None
    confirmed_at: datetime | None = None
    ready_at: datetime | None = None  # estimated by the POS or by staff, or when it was so
    pos_ready_at: datetime | None = None  # what the POS estimated last
    cancel_wanted: ReasonCode | None = None  # asked for while the outcome at the POS is open
    cancelled_by: Party | None = None  # who cancelled the order, or wants to
    cancel_at: datetime | None = None  # request_datetime of the cancel at the POS
    withdraw_until: datetime | None = None  # until then the POS is asked to take the ticket back
    reason_code: ReasonCode | None = None
    reason: str | None = None
    attention: Attention | None = None
    attempts: int = 0  # calls in a row that brought no answer
    wait_until: datetime | None = None  # no call before this
    held: bool = False  # its call waits for the store's POS to come back
    parked: bool = False
    payment: PaymentState = PaymentState.NONE
    payment_ref: str | None = None  # the provider's own
    payment_attempts: int = 0  # calls in a row that brought no answer
    payment_wait_until: datetime | None = None  # no call to the provider before this
