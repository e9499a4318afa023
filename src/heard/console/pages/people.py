"""People: who there is, whom an admin lets in and shuts out, and the links that do it, each shown this once."""

from contextlib import suppress

from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.console.gate import Gate, Visit, back, show
from heard.console.house import House
from heard.domain.ids import PersonId
from heard.domain.people import EVERYTHING, Role
from heard.domain.refusals import Code, Refused
from heard.engine import change_person
from heard.engine.deeds import deeds_page

PEOPLE = "/console/people"
_ROWS = 100


def routes(house: House, gate: Gate) -> list[Route]:
    """For admins: one of an organization sees its people, and lets in no others."""
    hub = house.hub

    async def listing(visit: Visit) -> Response:
        by = visit.visitor
        rows = await change_person.people_page(hub, by, _ROWS + 1, visit.query.get("after", "")[:64])
        return show(
            visit,
            "people.html",
            people=rows[:_ROWS],
            after=rows[_ROWS - 1]["login"] if len(rows) > _ROWS else None,
            links=await change_person.open_links(hub, by),
            roles=list(Role),
            organizations=await change_person.organizations_of(hub, by),
            everything=EVERYTHING,
        )

    async def invite(visit: Visit) -> Response:
        whose = visit.form.get("organization", "")
        role = _role(visit)
        secret = await change_person.invite_to(hub, visit.visitor, role, None if whose == EVERYTHING else whose)
        return link_page(visit, secret, f"lets one person in, as {role}")

    async def new_link(visit: Visit) -> Response:
        person = await change_person.person_of(hub, visit.visitor, _whom(visit))
        secret = await change_person.link_for(hub, visit.visitor, person.person_id)
        return link_page(visit, secret, f"lets {person.login} set a new password")

    def link_page(visit: Visit, secret: str, use: str) -> Response:
        base = hub.public_url or f"{visit.request.url.scheme}://{visit.request.url.netloc}"
        link = f"{base.rstrip('/')}/console/join/{secret}"
        return show(visit, "link.html", link=link, use=use, hours=limits.INVITATION_HOURS)

    async def end_link(visit: Visit) -> Response:
        await change_person.end_link(hub, visit.visitor, read_hash(visit.form.get("link", "")))
        return back(visit, PEOPLE, "The link is good no more.")

    async def set_role(visit: Visit) -> Response:
        person = await change_person.set_role(hub, visit.visitor, _whom(visit), _role(visit))
        return back(visit, PEOPLE, f"{person.login} is {person.role} from now on.")

    async def disable(visit: Visit) -> Response:
        person = await change_person.set_disabled(hub, visit.visitor, _whom(visit), True)
        return back(visit, PEOPLE, f"{person.login} is shut out. API keys of theirs stay good until they are revoked.")

    async def enable(visit: Visit) -> Response:
        person = await change_person.set_disabled(hub, visit.visitor, _whom(visit), False)
        return back(visit, PEOPLE, f"{person.login} may come in again.")

    async def end_sessions(visit: Visit) -> Response:
        ended = await change_person.end_sessions(hub, visit.visitor, _whom(visit))
        return back(visit, PEOPLE, f"{ended} sessions have ended." if ended != 1 else "One session has ended.")

    async def deeds(visit: Visit) -> Response:
        rows = await deeds_page(hub, visit.visitor.organization_id, _ROWS + 1, visit.query.get("before"))
        before = rows[_ROWS - 1]["deed_id"] if len(rows) > _ROWS else None
        return show(visit, "deeds.html", deeds=rows[:_ROWS], before=before, everything=EVERYTHING)

    return [
        gate.page(PEOPLE, listing, Role.ADMIN),
        gate.action(f"{PEOPLE}/invite", invite, Role.ADMIN),
        gate.action(f"{PEOPLE}/end-link", end_link, Role.ADMIN),
        gate.action(f"{PEOPLE}/{{person_id}}/link", new_link, Role.ADMIN),
        gate.action(f"{PEOPLE}/{{person_id}}/role", set_role, Role.ADMIN),
        gate.action(f"{PEOPLE}/{{person_id}}/disable", disable, Role.ADMIN),
        gate.action(f"{PEOPLE}/{{person_id}}/enable", enable, Role.ADMIN),
        gate.action(f"{PEOPLE}/{{person_id}}/end-sessions", end_sessions, Role.ADMIN),
        gate.page("/console/activity/deeds", deeds, Role.ADMIN),
    ]


def read_hash(text: str) -> bytes:
    """What names a link or a session in a form: its hash, which lets nobody in. Of no hash, one that nobody has."""
    with suppress(ValueError):
        return bytes.fromhex(text)
    return b""


def _whom(visit: Visit) -> PersonId:
    return PersonId(visit.path["person_id"])


def _role(visit: Visit) -> Role:
    try:
        return Role(visit.form.get("role", ""))
    except ValueError:
        raise Refused(Code.INVALID_BODY, "Choose a role.") from None
