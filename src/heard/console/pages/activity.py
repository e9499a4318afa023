"""Activity: how many orders there were, how long they and their POSes took, how many came to nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from heard.console.gate import Gate, Visit, show
from heard.console.house import House
from heard.domain.figures import Span, Tally, What
from heard.domain.ids import MarketplaceId, VenueId
from heard.domain.refusals import Code, Refused
from heard.engine.figures import Figures, read_figures
from heard.storage.figures import Of

SPANS: Final = {
    Span.HOUR: ("An hour", "minute", "the last sixty minutes"),
    Span.DAY: ("A day", "hour", "the last 24 hours"),
    Span.MONTH: ("A month", "day", "the last thirty days"),
}


@dataclass(frozen=True, slots=True)
class Value:
    """A number as it is drawn, and as it is read. None: there is none."""

    number: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart, a column of its table."""

    name: str
    of: Callable[[Tally], Value]


@dataclass(frozen=True, slots=True)
class Chart:
    """`unit`: what its numbers are, in words: the browser draws them by it."""

    name: str
    title: str
    unit: str
    series: tuple[Series, ...]


def duration(ms: float | None) -> str:
    """A time that something took, as people read it.

    >>> duration(12.4), duration(4321), duration(754_000), duration(None)
    ('12 ms', '4.3 s', '12.6 min', '-')
    """
    if ms is None:
        return "-"
    if ms < 1_000:
        return f"{ms:.0f} ms"
    return f"{ms / 1_000:.1f} s" if ms < 120_000 else f"{ms / 60_000:.1f} min"


def percent(share: float | None) -> str:
    """A share as people read it.

    >>> percent(0.0251), percent(None)
    ('2.5 %', '-')
    """
    return "-" if share is None else f"{100 * share:.1f} %"


def _orders(what: What) -> Callable[[Tally], Value]:
    return lambda tally: Value(tally.of(what), f"{tally.of(what):,}")


def _took(what: What, of_hundred: float) -> Callable[[Tally], Value]:
    def value(tally: Tally) -> Value:
        ms = tally.percentile_ms(what, of_hundred)
        return Value(ms, duration(ms))

    return value


def _share(of: Callable[[Tally], float | None]) -> Callable[[Tally], Value]:
    def value(tally: Tally) -> Value:
        share = of(tally)
        return Value(None if share is None else 100 * share, percent(share))

    return value


_COUNTS: Final = (
    Series("Received", _orders(What.RECEIVED)),
    Series("Confirmed", _orders(What.CONFIRMED)),
    Series("Rejected", _orders(What.REJECTED)),
    Series("Failed", _orders(What.FAILED)),
    Series("Cancelled", _orders(What.CANCELLED)),
)
_TIMES: Final = (
    Series("To confirmed, half within", _took(What.CONFIRMED, 50)),
    Series("To confirmed, 95 % within", _took(What.CONFIRMED, 95)),
    Series("POS call, half within", _took(What.CALL_ANSWERED, 50)),
    Series("POS call, 95 % within", _took(What.CALL_ANSWERED, 95)),
)
_LOST: Final = (
    Series("Orders lost", _share(lambda tally: tally.orders_lost)),
    Series("POS calls lost", _share(lambda tally: tally.calls_lost)),
)
PARTS: Final = (*_COUNTS, *_TIMES, *_LOST)


def charts(span: Span) -> tuple[Chart, ...]:
    """What is drawn over a span."""
    each = SPANS[span][1]
    return (
        Chart("orders", f"Orders by the {each}", "orders", _COUNTS),
        Chart("times", "How long it took", "ms", _TIMES),
        Chart("lost", "What came to nothing", "%", _LOST),
    )


def routes(house: House, gate: Gate) -> list[Route]:
    """The one page; what it shows is chosen in its address."""

    async def activity(visit: Visit) -> Response:
        over = visit.query.get("over", Span.HOUR)
        if over not in [*Span]:
            raise Refused(Code.NOT_FOUND, "Figures are shown over an hour, a day or a month.")
        venue_id, marketplace_id = _chosen(visit.query.get("of", ""))
        of = Of(visit.visitor.organization_id, venue_id, marketplace_id)
        found = await read_figures(house.hub, of, Span(over))
        return show(
            visit,
            "activity.html",
            spans=SPANS,
            found=found,
            charts=charts(found.span),
            parts=PARTS,
            duration=duration,
            percent=percent,
            What=What,
            point=_point,
            of=visit.query.get("of", ""),
            is_empty=_is_empty(found),
        )

    return [gate.page("/console/activity", activity)]


def _chosen(of: str) -> tuple[VenueId | None, MarketplaceId | None]:
    """A store or a channel, by its id; neither: all there are. Raises Refused(not_found)."""
    if not of:
        return None, None
    if of.startswith("ven_"):
        return VenueId(of), None
    return None, MarketplaceId(of)


def _point(at: datetime | date) -> str:
    """When something was, as a browser reads it: a moment, or a day of whichever clock."""
    return at.isoformat(timespec="seconds") if isinstance(at, datetime) else at.isoformat()


def _is_empty(found: Figures) -> bool:
    return not found.total.counts and not found.last_hour.counts and not found.open and found.missing is None
