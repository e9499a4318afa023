"""Coming in and going out: sign in, a link that lets somebody in once, sign out."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heard.console.gate import HOME, SESSION, SIGN_IN, Gate, Visit, agent_of, let_in, let_out, read_form, show_anyone
from heard.console.house import House
from heard.domain.people import Role
from heard.domain.refusals import Code, Refused
from heard.engine import people
from heard.net.problems import problem


def routes(house: House, gate: Gate) -> list[Route]:
    """Of no use to who is in already, but the way out."""
    hub = house.hub
    elsewhere = None if house.elsewhere is None else house.elsewhere.client.name

    async def ask(request: Request) -> Response:
        return show_anyone(
            "sign_in.html", to=request.query_params.get("to", HOME), login="", wrong=None, elsewhere=elsewhere
        )

    async def sign_in(request: Request) -> Response:
        form = await read_form(request)
        login, to = form.get("login", ""), form.get("to", HOME)
        try:
            session = await people.sign_in(hub, house.passwords, login, form.get("password", ""), agent_of(request))
        except Refused as refused:
            values = {"to": to, "login": login, "wrong": refused.detail, "elsewhere": elsewhere}
            return show_anyone("sign_in.html", problem(refused, "")[0], **values)
        return let_in(request, hub, session, to)

    async def ask_to_join(request: Request) -> Response:
        secret = request.path_params["secret"]
        invitation, known = await people.invited(hub, secret)
        values = {"role": invitation.role, "known": known, "login": "", "wrong": None}
        return show_anyone("join.html", **values, elsewhere=elsewhere, secret=secret)

    async def join(request: Request) -> Response:
        secret, form = request.path_params["secret"], await read_form(request)
        invitation, known = await people.invited(hub, secret)
        login, password = form.get("login", ""), form.get("password", "")
        wrong = None if password == form.get("again") else "The two passwords are not the same."
        if wrong is None:
            try:
                session = await people.join(hub, house.passwords, secret, login, password, agent_of(request))
                return let_in(request, hub, session, HOME)
            except Refused as refused:
                if refused.code == Code.NOT_FOUND:
                    raise
                wrong = " ".join(f"The {one.path} {one.message}." for one in refused.errors) or refused.detail
        values = {"role": invitation.role, "known": known, "login": login, "wrong": wrong}
        return show_anyone("join.html", 422, **values, elsewhere=elsewhere, secret=secret)

    async def sign_out(visit: Visit) -> Response:
        await people.sign_out(hub, visit.request.cookies[SESSION])
        return let_out()

    return [
        gate.open(SIGN_IN, ask),
        gate.open(SIGN_IN, sign_in, "POST"),
        gate.open("/console/join/{secret}", ask_to_join),
        gate.open("/console/join/{secret}", join, "POST"),
        gate.action("/console/sign-out", sign_out, Role.VIEWER),
    ]
