"""The console's figures: what happened over an hour, a day or a month, by time, store and channel, and what is now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from heard import limits
from heard.domain.figures import Span, Tally, summed, zone_of
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Hub
from heard.storage import figures
from heard.storage.figures import HOUR, Counted, Of, whole_hour

_MONTH_DAYS = 30
_BY = {Span.HOUR: "minute", Span.DAY: "hour", Span.MONTH: "day"}


@dataclass(frozen=True, slots=True)
class Part:
    """A store or a channel, and what happened there."""

    id: str
    name: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Figures:
    """`points`: by the minute, the hour, or the stores' own day that each began with, oldest first. `missing`: since
    when nothing was counted, where a worker should have; the points from then on lack it, but for the last hours.
    """

    span: Span
    now: datetime
    points: list[tuple[datetime | date, Tally]]
    stores: list[Part]
    channels: list[Part]
    more_stores: int
    more_channels: int
    missing: datetime | None
    last_hour: Tally
    last_minutes: Tally
    open: int
    attention: int
    of_name: str | None
    store_names: Mapping[str, str]
    channel_names: Mapping[str, str]

    @property
    def total(self) -> Tally:
        return summed(tally for _, tally in self.points)


async def read_figures(hub: Hub, of: Of, span: Span) -> Figures:
    """What happened of an organization's orders, or of everybody's. Raises Refused: unknown_venue for a store or a
    channel that there is not.
    """
    async with hub.connection() as connection:
        now: datetime = await connection.fetchval("SELECT business_now()")
        chosen = await figures.name_of(connection, of) if of.venue_id or of.marketplace_id else None
        if chosen is None and (of.venue_id or of.marketplace_id):
            raise Refused(Code.UNKNOWN_VENUE, "There is no such store or channel.")
        open_, attention = await figures.under_way(connection, of.organization_id)
        minutes = _minutes(now)
        points: Sequence[datetime | date]
        hour = _Gathered(await figures.happened(connection, of, minutes[0], now, "minute"))
        if span is Span.HOUR:
            points, found, missing = minutes, hour, None
        else:
            begins = whole_hour(now) - (timedelta(hours=23) if span is Span.DAY else timedelta(days=_MONTH_DAYS))
            until = await figures.counted_until(connection)
            live = max(begins, whole_hour(now) - HOUR * limits.FIGURES_LIVE_HOURS_MAX, until or begins)
            each = of.venue_id is None and of.marketplace_id is None
            old = await figures.counted(connection, of, begins, min(live, until or live), _BY[span], each=each)
            found = _Gathered([*old, *await figures.happened(connection, of, live, now, _BY[span])])
            since = until or await figures.first_hour(connection, now)
            missing = max(since, begins) if since is not None and since < live else None
            points = _hours(now) if span is Span.DAY else _days(now, chosen[1] if chosen else None, found)
        store_names, channel_names = await figures.names(connection, of.organization_id)
    stores, channels = _parts(found.stores, store_names), _parts(found.channels, channel_names)
    return Figures(
        span=span,
        now=now,
        points=[(at, found.points.get(at) or Tally()) for at in points],
        stores=stores[: limits.FIGURES_SHOWN_MAX],
        channels=channels[: limits.FIGURES_SHOWN_MAX],
        more_stores=max(0, len(stores) - limits.FIGURES_SHOWN_MAX),
        more_channels=max(0, len(channels) - limits.FIGURES_SHOWN_MAX),
        missing=missing,
        last_hour=summed(hour.points.values()),
        last_minutes=summed(tally for at, tally in hour.points.items() if at in minutes[-6:-1]),
        open=open_,
        attention=attention,
        of_name=chosen[0] if chosen else None,
        store_names=store_names,
        channel_names=channel_names,
    )


@dataclass(slots=True)
class _Gathered:
    """Rows of counts, added up by what they were counted by."""

    rows: Iterable[Counted]
    points: dict[datetime | date, Tally] = field(default_factory=dict)
    stores: dict[str, Tally] = field(default_factory=dict)
    channels: dict[str, Tally] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row in self.rows:
            if row.at is not None:
                self.points.setdefault(row.at, Tally()).add(row.what, row.step, row.count)
            elif row.venue_id is not None:
                self.stores.setdefault(row.venue_id, Tally()).add(row.what, row.step, row.count)
            elif row.marketplace_id is not None:
                self.channels.setdefault(row.marketplace_id, Tally()).add(row.what, row.step, row.count)


def _minutes(now: datetime) -> list[datetime]:
    """The last sixty, the one that is under way last."""
    this = now.replace(second=0, microsecond=0)
    return [this - timedelta(minutes=ago) for ago in range(59, -1, -1)]


def _hours(now: datetime) -> list[datetime]:
    """The last 24, the one that is under way last."""
    return [whole_hour(now) - HOUR * ago for ago in range(23, -1, -1)]


def _days(now: datetime, zone: str | None, found: _Gathered) -> list[date]:
    """The last thirty, today last: a store's own today, or the latest that it is anywhere something happened."""
    today = now.astimezone(zone_of(zone) if zone else UTC).date()
    if zone is None:
        days = [at for at in found.points if type(at) is date]
        today = max([today, *days])
    return [today - timedelta(days=ago) for ago in range(_MONTH_DAYS - 1, -1, -1)]


def _parts(found: Mapping[str, Tally], names: Mapping[str, str]) -> list[Part]:
    """The busiest first."""
    parts = [Part(one, names.get(one, one), tally) for one, tally in found.items()]
    return sorted(parts, key=lambda one: (-sum(one.tally.counts.values()), one.name, one.id))
