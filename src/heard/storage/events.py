"""Events as a marketplace reads them: the feed, in an order to which nothing is added behind a reader's back."""

from dataclasses import dataclass

from heard.domain.ids import EventId, MarketplaceId, OrganizationId
from heard.storage.orders import Connection
from heard.storage.sql import query


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event with its place in the feed: the transaction that wrote it, and its number."""

    event_id: EventId
    body: bytes
    xid: int
    position: int


async def read_feed(
    connection: Connection,
    organization_id: OrganizationId,
    marketplace_id: MarketplaceId,
    after: tuple[int, int],
    count: int,
) -> list[FeedEvent]:
    """Up to `count` of a marketplace's own events behind a place (xid, position); (0, 0) is before the first."""
    rows = await connection.fetch(query("event_feed"), organization_id, marketplace_id, *after, count)
    return [FeedEvent(*row) for row in rows]
