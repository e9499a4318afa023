"""A decision about an order while it is made: the steps taken so far, and what the channel is told of them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from heard.domain import retry
from heard.domain.order.events import EventKind
from heard.domain.order.lifecycle import Step, advance
from heard.domain.order.model import Order, Party, Status
from heard.domain.stores import ConnectorKind, StoreRules


@dataclass(frozen=True, slots=True)
class Moment:
    """What a decision may know of the world: the time, a chance in [0, 1), the store's rules and its connector.

    `acting`: by whose hand the staff act, where that is known.
    """

    now: datetime
    chance: float
    rules: StoreRules
    connector: ConnectorKind = ConnectorKind.POSNEXT
    acting: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line of an order's history. `changed` is False for what came late or twice."""

    step: Step
    before: Status | None
    after: Status
    by: str
    changed: bool
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An event for the channel, with the order as it stood then."""

    kind: EventKind
    order: Order


@dataclass(frozen=True, slots=True)
class Decision:
    order: Order
    history: tuple[HistoryLine, ...]
    told: tuple[Told, ...]


class Course:
    """A decision being made."""

    def __init__(self, order: Order, moment: Moment) -> None:
        self.order = order
        self.moment = moment
        self.history: list[HistoryLine] = []
        self.told: list[Told] = []

    def take(self, step: Step, by: str, note: str | None = None, **changes: Any) -> bool:
        """Take a step if it applies, else record it as late or repeated."""
        before = self.order.status
        after = advance(before, step)
        if after is None:
            return self.late(step, by, note)
        self.order = replace(self.order, status=after, version=self.order.version + 1, **_freed(changes))
        self.history.append(HistoryLine(step, before, after, by, changed=True, note=self._signed(by, note)))
        return True

    def late(self, step: Step, by: str, note: str | None = None) -> bool:
        status = self.order.status
        self.history.append(HistoryLine(step, status, status, by, changed=False, note=self._signed(by, note)))
        return False

    def touch(self, **changes: Any) -> None:
        """Change what is no step, and no news to a person: when to look again. The version stays."""
        self.order = replace(self.order, **_freed(changes))

    def tell(self, kind: EventKind) -> None:
        self.order = replace(self.order, sequence=self.order.sequence + 1)
        self.told.append(Told(kind, self.order))

    def after_s(self, seconds: float) -> datetime:
        return self.moment.now + timedelta(seconds=seconds)

    def next_poll(self, retry_after_s: float | None) -> dict[str, Any]:
        """What to change so that a POS that needs longer is read again later."""
        polls = self.order.attempts
        delay = max(retry.poll_delay_s(polls, self.moment.chance), retry_after_s or 0.0)
        return {"attempts": polls + 1, "wait_until": self.after_s(delay)}

    def _signed(self, by: str, note: str | None) -> str | None:
        """What staff did has the name of whose hand it was; what follows from it by itself has not."""
        acting = self.moment.acting if by == Party.STAFF else None
        return " ".join(part for part in (note, f"({acting})" if acting else None) if part) or None

    def decision(self) -> Decision:
        return Decision(self.order, tuple(self.history), tuple(self.told))


def _freed(changes: dict[str, Any]) -> dict[str, Any]:
    """Whatever changes an order lets go of a call that was held, unless it is held anew."""
    return {"held": False, **changes}
