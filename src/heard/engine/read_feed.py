"""A marketplace reads what it was told, or should have been: page by page, as often as it likes."""

from heard.engine.hub import Client, Hub
from heard.protocols.link.cursor import BEGINNING, decode_cursor, encode_cursor
from heard.storage import events
from heard.storage.events import FeedEvent


async def read_feed(hub: Hub, client: Client, after: str | None, count: int) -> tuple[list[FeedEvent], str]:
    """The client's own events behind a cursor (None: from the first), and the cursor to go on from.

    Raises Refused(invalid_body) for a cursor that is not one of the client's.
    """
    place = BEGINNING if after is None else decode_cursor(after, client.marketplace_id)
    async with hub.connection() as connection:
        found = await events.read_feed(connection, client.organization_id, client.marketplace_id, place, count)
    if found:
        place = (found[-1].xid, found[-1].position)
    return found, encode_cursor(place, client.marketplace_id)
