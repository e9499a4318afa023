"""One's own: the password, and the screens where one is signed in."""

from starlette.responses import Response
from starlette.routing import Route

from heard.console.gate import Gate, Visit, agent_of, back, let_in, let_out, notify, show
from heard.console.house import House
from heard.console.pages.people import read_hash
from heard.domain.people import Role
from heard.domain.refusals import Code, Refused
from heard.engine import change_person
from heard.engine.people import form_key_of

ME = "/console/people/me"


def routes(house: House, gate: Gate) -> list[Route]:
    """For everybody who is in."""
    hub = house.hub

    async def me(visit: Visit) -> Response:
        sessions = await change_person.own_sessions(hub, visit.visitor)
        keys = visit.visitor.role.covers(Role.DEVELOPER)
        return show(visit, "me.html", sessions=sessions, this=visit.visitor.session_hash, keys=keys)

    async def change_password(visit: Visit) -> Response:
        old, new = visit.form.get("old", ""), visit.form.get("password", "")
        if new != visit.form.get("again"):
            raise Refused(Code.INVALID_BODY, "The two new passwords are not the same.")
        agent = agent_of(visit.request)
        try:
            session = await change_person.change_password(hub, house.passwords, visit.visitor, old, new, agent)
        except Refused as refused:
            if refused.code == Code.INVALID_CLIENT:
                return back(visit, ME, "The old password is wrong.", good=False)
            if refused.errors:
                return back(visit, ME, f"The new password {refused.errors[0].message}.", good=False)
            raise
        response = let_in(visit.request, hub, session, ME)
        text = "The password is another one now. You are signed out everywhere else."
        return notify(response, form_key_of(session), text, good=True, secure=visit.secure)

    async def end_session(visit: Visit) -> Response:
        session_hash = read_hash(visit.form.get("session", ""))
        await change_person.end_own_session(hub, visit.visitor, session_hash)
        if session_hash == visit.visitor.session_hash:
            return let_out()
        return back(visit, ME, "That session has ended.")

    async def sign_out_everywhere(visit: Visit) -> Response:
        await change_person.sign_out_everywhere(hub, visit.visitor)
        return let_out()

    return [
        gate.page(ME, me),
        gate.action(f"{ME}/password", change_password, Role.VIEWER),
        gate.action(f"{ME}/end-session", end_session, Role.VIEWER),
        gate.action(f"{ME}/sign-out-everywhere", sign_out_everywhere, Role.VIEWER),
    ]
