"""Who did what in the console: written down where it is done, and read by those who may see all of it."""

from collections.abc import Mapping
from typing import Any

from heard.domain.ids import OrganizationId
from heard.engine.hub import Hub
from heard.storage import people
from heard.storage.orders import Connection

_ABOUT_MAX = 200


async def write_deed(
    hub: Hub,
    connection: Connection,
    whose: OrganizationId,
    who: str,
    call: str,
    about: str = "",
    outcome: str = "done",
) -> None:
    """One line, of the organization `whose`. Never a secret: `about` is an id of ours."""
    now = await connection.fetchval("SELECT business_now()")
    await people.note_deed(connection, whose, hub.new_id("did", now), who, call, about[:_ABOUT_MAX], outcome)


async def deeds_page(
    hub: Hub, organization_id: OrganizationId | None, count: int, before: str | None
) -> list[Mapping[str, Any]]:
    """A page, the latest first; of an organization, or of all."""
    async with hub.connection() as connection:
        return await people.list_deeds(connection, organization_id, count, before)
