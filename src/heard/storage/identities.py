"""Which of the console's people somebody is at a provider that they sign in through."""

from heard.storage import people
from heard.storage.orders import Connection
from heard.storage.people import Person


async def find(connection: Connection, issuer: str, subject: str) -> Person | None:
    """Who comes in as this one; also somebody who is shut out."""
    row = await connection.fetchrow(
        "SELECT organization_id, person_id FROM console_identities WHERE issuer = $1 AND subject = $2 LIMIT 1",
        issuer,
        subject,
    )
    return None if row is None else await people.find(connection, row["organization_id"], row["person_id"])


async def bind(connection: Connection, person: Person, issuer: str, subject: str) -> None:
    """From now on somebody comes in as this one, and as no other there was at that provider. In a transaction that has
    locked people, when nobody comes in as this one.
    """
    await connection.execute(
        "INSERT INTO console_identities (organization_id, person_id, issuer, subject) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (organization_id, person_id, issuer)"
        " DO UPDATE SET subject = excluded.subject, created_at = business_now()",
        person.organization_id,
        person.person_id,
        issuer,
        subject,
    )
