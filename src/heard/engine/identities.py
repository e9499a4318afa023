"""People come into the console through somebody else, who has proven who they are.

What that provider says is who somebody is, never what they may do: that is their role here. Nobody becomes one of our
people because a name or an address is the same; it takes a link, as it does for a password, or the operator's word that
whoever the provider knows may join.
"""

import secrets

import structlog

from heard.domain.ids import OrganizationId, PersonId
from heard.domain.people import EVERYTHING, Role, login_of
from heard.domain.refusals import Code, Refused
from heard.engine.deeds import write_deed
from heard.engine.hub import Hub
from heard.engine.passwords import Passwords
from heard.engine.people import invited_within, open_session
from heard.protocols.credentials import hash_secret, new_secret
from heard.protocols.oidc import Client, Identity
from heard.storage import identities, people
from heard.storage.orders import Connection
from heard.storage.people import Invitation, Person

log = structlog.get_logger()


async def come_in(
    hub: Hub,
    passwords: Passwords,
    client: Client,
    identity: Identity,
    invitation: str | None = None,
    joins_as: Role | None = None,
    agent: str = "",
) -> str:
    """The secret of a session for who is known as this one, or joins as such: by the secret of a link, else with the
    role that everybody at the provider joins with.

    Raises Refused: invalid_client (nobody here, or shut out), not_found (the link is no good), order_conflict (the name
    is somebody else's here).
    """
    session = new_secret("hcs", secrets.token_bytes(32))
    no_password = await passwords.hash(secrets.token_urlsafe(32))  # that nobody knows
    async with hub.connection() as connection, connection.transaction():
        await people.lock_people(connection)
        person = await identities.find(connection, identity.issuer, identity.subject)
        call = "sign_in"
        if person is None:
            person, call = await _join(hub, connection, client, identity, invitation, joins_as, no_password)
            await identities.bind(connection, person, identity.issuer, identity.subject)
            log.info("somebody joined the console", login=person.login, role=person.role, through=identity.issuer)
        await people.change(connection, person, seen_at=await connection.fetchval("SELECT business_now()"))
        again = await people.find(connection, person.organization_id, person.person_id)
        if again is None or again.disabled:  # also in this very moment
            raise Refused(Code.INVALID_CLIENT, "You are shut out here. Ask an admin of this hub.")
        await open_session(connection, again, session, agent)
        outcome = f"through {client.name}"
        await write_deed(hub, connection, again.organization_id, again.login, call, again.person_id, outcome)
    return session


async def _join(
    hub: Hub,
    connection: Connection,
    client: Client,
    identity: Identity,
    secret: str | None,
    joins_as: Role | None,
    no_password: str,
) -> tuple[Person, str]:
    """Somebody new, or one of ours who comes in so from now on; and what that is called."""
    if secret is not None:
        link, known = await invited_within(connection, secret)
        await people.use_invitation(connection, hash_secret(secret))
        if known is not None:
            return known, "bind_identity"
    elif joins_as is not None:
        link = Invitation(OrganizationId(EVERYTHING), joins_as, None, client.name, first=False)
    else:
        text = f"{client.name} knows you, this hub does not. Ask somebody here for a link, and come in by it."
        raise Refused(Code.INVALID_CLIENT, text)
    login = next((login for name in identity.names if (login := login_of(name))), None)
    if login is None:
        raise Refused(Code.ORDER_CONFLICT, f"{client.name} gives you no name that can be a login here.")
    if await people.find_login(connection, login) is not None:
        text = f"The login {login} is somebody's here. If it is yours, ask an admin for a link to it."
        raise Refused(Code.ORDER_CONFLICT, text)
    now = await connection.fetchval("SELECT business_now()")
    person_id = PersonId(hub.new_id("per", now))
    await people.add(connection, link.organization_id, person_id, login, link.role, no_password)
    return Person(link.organization_id, person_id, login, link.role, no_password, disabled=False), "join"
