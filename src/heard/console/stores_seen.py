"""A store as its pages show it: whether it is open and who says so, how its POS is, in words and in shapes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from heard.domain.hours import ServingTime, is_open_at, read_serving_time
from heard.domain.order.model import Party
from heard.domain.refusals import Code, Refused
from heard.domain.stores import HELD_BY_HUB
from heard.protocols.admin.wire import StorePause, StoreView
from heard.storage.store_figures import StoreFigures

_POS: Final = {  # a shape beside each word, and what it means
    "well": ("●", "good", "answers"),
    "failing": ("▲", "warn", "its last call failed"),
    "gone": ("✕", "bad", "does not answer; the hub looks for it, and its orders wait"),
    "none": ("✋", "", "the staff accept by hand"),
}


@dataclass(frozen=True, slots=True)
class Held:
    """A pause in words: who holds the store, why, and until when (None: until they lift it)."""

    who: str
    reason: str
    since: str
    until: str | None
    by_staff: bool


@dataclass(frozen=True, slots=True)
class SeenStore:
    """`own`: when the staff's own pause began, empty where there is none: a form that was made before says so."""

    view: StoreView
    figures: StoreFigures
    held: tuple[Held, ...]
    serving: bool

    @property
    def own(self) -> str:
        return own_pause(self.view)

    @property
    def state(self) -> tuple[str, str, str]:
        """Its shape, its kind, and what it is called."""
        if self.held:
            return "❚❚", "bad", "paused"
        if not self.serving:
            return "◷", "warn", "closed at this hour"
        if not self.view.menu_published or self.view.menu_version is None:
            return "▲", "warn", "takes no orders: it has no menu out"
        return "●", "good", "open"

    @property
    def pos(self) -> tuple[str, str, str]:
        """Its shape, its kind, and what it means."""
        return _POS[self.view.pos]


def seen(view: StoreView, figures: StoreFigures, channels: Mapping[str, str], now: datetime) -> SeenStore:
    """`channels`: what those who may hold it are called."""
    held = tuple(Held(_who(one, channels), one.reason, one.since, one.until, _by_staff(one)) for one in view.pauses)
    hours = tuple(read_serving_time(one.days, one.opens, one.closes) for one in view.serving_times)
    return SeenStore(view, figures, held, is_open_at(hours, now, ZoneInfo(view.timezone)))


def own_pause(view: StoreView) -> str:
    """When the staff's own pause of a store began; empty: there is none."""
    return next((one.since for one in view.pauses if _by_staff(one)), "")


def check_still(view: StoreView, seen_pause: str) -> None:
    """Raises Refused(order_conflict) where the staff have paused the store, or let it go on, since somebody saw it."""
    now = next((one for one in view.pauses if _by_staff(one)), None)
    if (now.since if now else "") == seen_pause:
        return
    if now is None:
        text = "Somebody has let the store go on meanwhile"
    else:
        text = f"Somebody has paused the store meanwhile: {now.reason}"
    raise Refused(Code.ORDER_CONFLICT, f"{text}. Nothing was changed.")


def hours_text(times: Sequence[ServingTime]) -> str:
    """Serving times as people write them, a line each."""
    return "\n".join(f"{' '.join(one.days)} {one.opens:%H:%M}-{one.closes:%H:%M}" for one in times)


def hours_of(view: StoreView) -> str:
    """A store's serving times as people write them."""
    return hours_text([read_serving_time(one.days, one.opens, one.closes) for one in view.serving_times])


def read_hours(text: str) -> list[dict[str, object]]:
    """What people wrote as the admin API has it. Raises Refused(invalid_body) with the line that is none."""
    found: list[dict[str, object]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        words = line.replace(",", " ").split()
        days, (opens, dash, closes) = words[:-1], (words[-1] if words else "").partition("-")
        try:
            if not dash:
                raise ValueError("a line is days and a span, such as mon tue 08:30-22:00")
            found.append(read_serving_time(days, opens, closes).words)
        except ValueError as error:
            raise Refused(Code.INVALID_BODY, f"{line[:60]}: {error}. Nothing was changed.") from None
    return found


def _who(pause: StorePause, channels: Mapping[str, str]) -> str:
    if pause.held_by == HELD_BY_HUB:
        return "the hub"
    return "the staff" if _by_staff(pause) else channels.get(pause.held_by, pause.held_by)


def _by_staff(pause: StorePause) -> bool:
    return pause.held_by == Party.STAFF
