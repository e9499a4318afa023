"""What went in and out lately, about an order, a store or everything: calls and events, the latest first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from heard import limits
from heard.domain.ids import OrderId, OrganizationId, VenueId, made_at
from heard.engine.hub import Hub
from heard.storage import traffic
from heard.storage.traffic import About

_FAR = datetime(2500, 1, 1, tzinfo=UTC)
_OWN = re.compile(r"[a-z]{2,4}_[0-9a-z]{26}")


@dataclass(frozen=True, slots=True)
class Filter:
    """What somebody wants to see: calls with a `peer` (pos, channel, payment), or `events`; only what failed."""

    order_id: str | None = None
    venue_id: str | None = None
    kind: str | None = None
    failed: bool = False


async def traffic_about(hub: Hub, organization_id: OrganizationId | None, wanted: Filter) -> list[Mapping[str, Any]]:
    """A list's worth of it. An id that is none of ours is about nothing."""
    if any(one is not None and not _is_own(one) for one in (wanted.order_id, wanted.venue_id)):
        return []
    about = About(
        since=await hub.now() - timedelta(seconds=limits.DRAWER_BACK_S),
        order_id=None if wanted.order_id is None else OrderId(wanted.order_id),
        venue_id=None if wanted.venue_id is None else VenueId(wanted.venue_id),
        peer=wanted.kind if wanted.kind != "events" else None,
        failed=wanted.failed,
    )
    found: list[Mapping[str, Any]] = []
    async with hub.connection() as connection:
        if wanted.kind != "events":
            found += await traffic.calls(connection, organization_id, about)
        if wanted.kind in (None, "events") and not wanted.failed:
            found += await traffic.events(connection, organization_id, about)
    return sorted(found, key=lambda row: (row["at"], row["id"]), reverse=True)[: limits.DRAWER_ROWS]


def _is_own(text: str) -> bool:
    """Whether the hub could have made it: an id says when it was made."""
    try:
        return bool(_OWN.fullmatch(text)) and made_at(text) < _FAR
    except (ValueError, OverflowError, OSError):
        return False
