"""A menu's changes, prices, taxes and pictures, and what is off it, as its pages show them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from heard.console.rendering import money, words
from heard.domain.menu.diff import Change, ChangeKind, Entity, Value
from heard.domain.menu.model import PriceRule
from heard.domain.menu.taxes import Rates
from heard.protocols.addresses import is_web_address
from heard.protocols.admin.wire import MenuVersion
from heard.protocols.admin.wire_items import ItemOff, ItemPutBack, ItemTakenOff

KINDS: Final = {  # a shape beside each word
    ChangeKind.ADDED: ("+", "good"),
    ChangeKind.REMOVED: ("−", "bad"),
    ChangeKind.PRICE: ("¤", "warn"),
    ChangeKind.AVAILABILITY: ("◐", "warn"),
    ChangeKind.STRUCTURE: ("↻", ""),
}
DURATIONS: Final = (("30", "30 min"), ("60", "1 h"), ("240", "4 h"), ("", "until put back"))  # in minutes
_TEXT_MAX = 300
_LISTED_MAX = 5
_NAME_MAX = 80
_SAME_DAY = timedelta(hours=20)
_PRICED = frozenset({Entity.PRODUCT, Entity.MODIFIER})


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change in words. `before` and `after` None: it was not there, or is not any more."""

    kind: ChangeKind
    what: str
    id: str
    name: str
    member: str
    before: str | None
    after: str | None
    within: str
    places: int


def change_row(change: Change, currency: str) -> ChangeRow:
    comes_or_goes = change.kind in (ChangeKind.ADDED, ChangeKind.REMOVED) and change.entity in _PRICED
    priced = change.kind is ChangeKind.PRICE or comes_or_goes
    return ChangeRow(
        change.kind,
        change.entity.value,
        change.id,
        change.name,
        words(change.member),
        _text(change.before, currency if priced else None),
        _text(change.after, currency if priced else None),
        " › ".join(change.within),
        change.places,
    )


def version_words(version: MenuVersion) -> str:
    """What a version changed, in few words.

    >>> version_words(MenuVersion(version="a", current=True, product_count=3, changes={"price": 2, "added": 1},
    ...     kept_at="", fetched_at=""))
    '1 added, 2 price'
    """
    return ", ".join(f"{count} {kind}" for kind, count in sorted(version.changes.items()) if count) or "-"


def picture_of(address: str | None) -> str | None:
    """A picture's address where a click on it may lead: http or https, and nothing a reader cannot see."""
    return address if address is not None and is_web_address(address) else None


def price_rule_words(rule: PriceRule, currency: str) -> str:
    level = [f"level {rule.name or rule.price_level_id}"] if rule.price_level_id is not None else []
    ways = [", ".join(rule.order_types)] if rule.order_types else []
    return f"{money(rule.price, currency)} for {' and '.join([*level, *ways]) or 'any'}"[:_TEXT_MAX]


def tax_words(rates: Sequence[tuple[str, Rates]]) -> list[tuple[str, str]]:
    """Tax categories, each with its rates."""
    return [
        (category, f"{one} %" if isinstance(one, str) else ", ".join(f"{name} {percent} %" for name, percent in one))
        for category, one in rates
    ]


@dataclass(frozen=True, slots=True)
class SeenOff:
    """What is off, and how its end is shown: by the time of day where that tells which day it is."""

    item: ItemOff
    how: str


def seen_off(items: Iterable[ItemOff], now: datetime) -> dict[str, SeenOff]:
    """What is off, by the ids of the items."""
    return {one.item_id: SeenOff(one, _how(one, now)) for one in items}


def _how(item: ItemOff, now: datetime) -> str:
    soon = item.until is not None and datetime.fromisoformat(item.until) - now < _SAME_DAY
    return "time" if soon else "day"


def taken_words(taken: ItemTakenOff, minutes: int | None) -> str:
    """What somebody is told who took something off."""
    long = "until it is put back" if minutes is None else f"for {minutes} minutes"
    return f"{taken.item.name[:_NAME_MAX]} is off the menu {long}{'' if taken.new else ', counted anew'}."


def back_words(back: ItemPutBack) -> str:
    """What somebody is told who put something back, or came too late for that."""
    if back.name is None:
        return f"{back.item_id[:_NAME_MAX]} was not off any more; nothing was changed."
    return f"{back.name[:_NAME_MAX]} is back on the menu."


def _text(value: Value, currency: str | None) -> str | None:
    if value is None:
        return None
    if isinstance(value, tuple):
        more = f" ... ({len(value)})" if len(value) > _LISTED_MAX else ""
        return "; ".join(one[:_TEXT_MAX] for one in value[:_LISTED_MAX]) + more
    if currency is not None and isinstance(value, int):
        return money(value, currency)
    return str(value)[:_TEXT_MAX]
