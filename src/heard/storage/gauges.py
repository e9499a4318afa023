"""How much waits, and for how long: the same whichever process asks."""

from dataclasses import dataclass

from heard.storage.orders import Connection
from heard.storage.sql import query


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a gauge, under the values of its labels."""

    name: str
    labels: tuple[str, ...]
    value: float


async def read(connection: Connection) -> list[Reading]:
    """All gauges. What has ended is not looked at: the cost is that of what is open."""
    rows = await connection.fetch(query("gauges"))
    return [Reading(row["name"], tuple(row["labels"]), row["value"]) for row in rows]
