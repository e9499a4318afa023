"""Coming in through somebody else: there, and back with a proof of who it is."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from heard import limits
from heard.console.elsewhere import Elsewhere
from heard.console.gate import HEADERS, HOME, SIGN_IN, Gate, agent_of, is_secure, let_in, show_anyone
from heard.console.house import House
from heard.domain.refusals import Code, Refused
from heard.engine import identities, people
from heard.net.problems import problem

_THERE: Final = f"{SIGN_IN}/elsewhere"
_BACK: Final = f"{_THERE}/back"
_TRY: Final = "heard_try"
_TO_MAX: Final = 500


def routes(house: House, gate: Gate) -> list[Route]:
    """None, where nobody is signed in through."""
    hub, elsewhere = house.hub, house.elsewhere
    if elsewhere is None:
        return []

    async def there(request: Request) -> Response:
        return await _send_there(request, request.query_params.get("to", HOME), None)

    async def there_to_join(request: Request) -> Response:
        secret = request.path_params["secret"]
        await people.invited(hub, secret)
        return await _send_there(request, HOME, secret)

    async def _send_there(request: Request, to: str, invitation: str | None) -> Response:
        wanted = to if len(to) <= _TO_MAX else HOME  # a cookie has to hold it
        url, kept = await elsewhere.begin(_back_url(request), wanted, invitation)
        response = RedirectResponse(url, 303, HEADERS)
        whole, secure = int(limits.OIDC_TRY_S), is_secure(request, hub)
        # Lax: it has to come along when the provider leads the browser back to us.
        response.set_cookie(_TRY, kept, max_age=whole, path=_THERE, secure=secure, httponly=True, samesite="lax")
        return response

    async def back(request: Request) -> Response:
        query = request.query_params
        try:
            tried = await elsewhere.read_try(request.cookies.get(_TRY), query)
            identity = await elsewhere.identify(tried.attempt, query, _back_url(request))
            session = await identities.come_in(
                hub,
                house.passwords,
                elsewhere.client,
                identity,
                tried.invitation,
                elsewhere.joins_as,
                agent_of(request),
            )
        except Refused as refused:
            return _at_the_door(elsewhere, refused)
        response = let_in(request, hub, session, tried.to)
        response.delete_cookie(_TRY, path=_THERE)
        return response

    def _back_url(request: Request) -> str:
        return f"{hub.public_url or str(request.base_url).rstrip('/')}{_BACK}"

    return [
        gate.open(_THERE, there),
        gate.open(_BACK, back),
        gate.open("/console/join/{secret}/elsewhere", there_to_join),
    ]


def _at_the_door(elsewhere: Elsewhere, refused: Refused) -> Response:
    """What went wrong, on the page where one signs in. A name that is taken is no fault of the request."""
    status = 401 if refused.code is Code.ORDER_CONFLICT else problem(refused, "")[0]
    values = {"to": HOME, "login": "", "wrong": refused.detail, "elsewhere": elsewhere.client.name}
    response = show_anyone("sign_in.html", status, **values)
    response.delete_cookie(_TRY, path=_THERE)
    return response
