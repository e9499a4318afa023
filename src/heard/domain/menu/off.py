"""What a store's staff have taken off its menu, for a while or until they put it back.

It cannot be had, as what the menu itself says is unavailable. The menu's versions know nothing of it.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, TypeAlias

# What is off at some moment: the POS's ids of products and modifiers, each with when it is back (None: when somebody
# puts it back).
Off: TypeAlias = Mapping[str, datetime | None]

NOTHING_OFF: Final[Off] = MappingProxyType({})
_DIGEST_CHARS: Final = 8


@dataclass(frozen=True, slots=True)
class ItemOff:
    """A product or a modifier that is off. `name`: what it was called when `by` took it off."""

    item_id: str
    name: str
    by: str
    since: datetime
    until: datetime | None = None


def off_at(items: Iterable[ItemOff], now: datetime) -> Off:
    """What of it is still off at a moment."""
    return {one.item_id: one.until for one in items if one.until is None or one.until > now}


def off_text(item_id: str, until: datetime | None) -> str:
    """What is said of it to whoever orders it.

    >>> off_text("FRIES", None)
    "'FRIES' is taken off the menu until the store puts it back"
    """
    when = "the store puts it back" if until is None else f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{item_id!r} is taken off the menu until {when}"


def version_shown(version: str, off: Collection[str]) -> str:
    """What channels know a store's menu by: where something is off, it is another one to them.

    >>> version_shown("4f1c2ab97d3e6085", ())
    '4f1c2ab97d3e6085'
    """
    if not off:
        return version
    digest = hashlib.sha256("\0".join(sorted(off)).encode()).hexdigest()
    return f"{version}-{digest[:_DIGEST_CHARS]}"
