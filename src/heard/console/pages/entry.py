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
from heard.storage.people import Invitation


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
            status = problem(refused, "")[0]
            return show_anyone("sign_in.html", status, to=to, login=login, wrong=refused.detail, elsewhere=elsewhere)
        return let_in(request, hub, session, to)

    def ask_how(
        invitation: Invitation, known: str | None, secret: str, login: str = "", wrong: str | None = None
    ) -> Response:
        """How somebody wants to come in from now on; `wrong`: what was wrong with what they said."""
        return show_anyone(
            "join.html",
            200 if wrong is None else 422,
            role=invitation.role,
            known=known,
            login=login,
            wrong=wrong,
            elsewhere=elsewhere,
            secret=secret,
        )

    async def ask_to_join(request: Request) -> Response:
        secret = request.path_params["secret"]
        invitation, known = await people.invited(hub, secret)
        return ask_how(invitation, known, secret)

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
        return ask_how(invitation, known, secret, login, wrong)

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
