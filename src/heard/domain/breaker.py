"""When a store's POS counts as gone, and when as back: decide(health, outcome, now, chance) says what follows.

Only calls without a sign of life count: no answer, a 5xx, an answer that cannot be relied on. Whatever a living POS
says, a refusal or a 4xx included, ends the row.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from heard import limits
from heard.domain import retry
from heard.domain.ids import OrderId

_ROW = timedelta(seconds=limits.BREAKER_ROW_S)
_FORGET = timedelta(seconds=limits.BREAKER_FORGET_S)


@dataclass(frozen=True, slots=True)
class PosHealth:
    """What a store's POS last did. `open_since` set: the breaker is open, the POS is probed at `probe_at`."""

    failures: int = 0  # calls in a row without a sign of life, over all of the store's orders
    failing_since: datetime | None = None  # when the row began
    first_order_id: OrderId | None = None  # whose call began the row
    several_orders: bool = False  # calls of other orders failed too
    open_since: datetime | None = None
    probes: int = 0
    probe_at: datetime | None = None
    last_order_id: OrderId | None = None  # whose call failed last: the probe reads it
    last_answer_at: datetime | None = None
    last_fault: str | None = None
    last_fault_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The POS gave a sign of life, to an order's call or to a probe."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An order's call brought none."""

    order_id: OrderId
    reason: str


@dataclass(frozen=True, slots=True)
class ProbeFailed:
    """A probe brought none."""

    reason: str


Outcome = Answered | Failed | ProbeFailed


class Turn(StrEnum):
    """What a decision is the moment of: the store is paused, or goes on."""

    TRIP = "trip"
    RECOVER = "recover"


def decide(health: PosHealth, outcome: Outcome, now: datetime, chance: float) -> tuple[PosHealth, Turn | None]:
    """The health after an outcome, and the turn it takes, if any. Late and repeated outcomes turn nothing twice."""
    match outcome:
        case Answered():
            turn = Turn.RECOVER if health.open_since is not None else None
            return PosHealth(last_answer_at=now, last_fault=health.last_fault, last_fault_at=health.last_fault_at), turn
        case Failed():
            failed = _count(health, outcome, now)
            if failed.open_since is None and _is_gone(failed, now):
                probe_at = now + timedelta(seconds=retry.probe_delay_s(0, chance))
                return replace(failed, open_since=now, probes=0, probe_at=probe_at), Turn.TRIP
            return failed, None
        case ProbeFailed():
            if health.open_since is None:
                return health, None
            probes = health.probes + 1
            probe_at = now + timedelta(seconds=retry.probe_delay_s(probes, chance))
            known = replace(health, last_fault=outcome.reason, last_fault_at=now)
            return replace(known, probes=probes, probe_at=probe_at), None
        case _:
            assert_never(outcome)


def _is_gone(health: PosHealth, now: datetime) -> bool:
    """Not a blip that a burst of orders ran into, nor one order that its POS stumbles over."""
    lasting = health.failing_since is not None and now - health.failing_since >= _ROW
    return health.failures >= limits.BREAKER_FAILURES and health.several_orders and lasting


def _count(health: PosHealth, failed: Failed, now: datetime) -> PosHealth:
    stale = health.last_fault_at is not None and now - health.last_fault_at > _FORGET
    if health.failures == 0 or (stale and health.open_since is None):
        health = replace(health, failures=0, failing_since=now, first_order_id=failed.order_id, several_orders=False)
    return replace(
        health,
        failures=health.failures + 1,
        several_orders=health.several_orders or failed.order_id != health.first_order_id,
        last_order_id=failed.order_id,
        last_fault=failed.reason,
        last_fault_at=now,
    )
