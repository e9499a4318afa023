"""The gate of the console: who visits, whether their role may, whether a form is ours; how every page goes out."""

import base64
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from heard import limits
from heard.console.rendering import render
from heard.domain.people import Role
from heard.domain.refusals import Code, Refused
from heard.engine import metrics
from heard.engine.hub import Hub
from heard.engine.people import Visitor, visitor
from heard.net.answering import answered
from heard.net.bodies import media_type_of, read_body
from heard.net.problems import problem
from heard.protocols.credentials import FORM
from heard.storage.faults import UNREACHABLE

HOME: Final = "/console"
SIGN_IN: Final = "/console/sign-in"
SESSION: Final = "heard_session"
_NOTICE: Final = "heard_notice"
_NO_FORM: Final = "This form is none of yours, or too old. Load the page again."
_FIELDS_MAX = 200
_NOTICE_MAX = 500
_AGAIN_S = 5
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is signed in. `secure`: by https. `form`: what they filled in; empty for a page."""

    request: Request
    visitor: Visitor
    secure: bool
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Mapping[str, str]:
        return self.request.path_params

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    def one_page(self, rows: int) -> dict[str, str]:
        """The query of one page of a listing of the admin API, from where the visitor is in it."""
        after = self.query.get("after")
        return {"limit": str(rows)} | ({"after": after} if after else {})


Handler = Callable[[Visit], Awaitable[Response]]


class Gate:
    """Makes routes out of handlers: each says whom it lets in."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def page(self, path: str, handler: Handler, role: Role = Role.VIEWER) -> Route:
        """Something to look at."""

        async def handle(request: Request) -> Response:
            known = await self._visitor(request)
            if known is None:
                return _to_sign_in(request, _address(request))
            try:
                _check_role(known, role)
                return await handler(Visit(request, known, is_secure(request, self._hub)))
            except Refused as refused:
                return refusal(refused, known, again=True)

        return self._route(path, handle, "GET")

    def action(
        self,
        path: str,
        handler: Handler,
        role: Role = Role.OPERATOR,
        form_bytes_max: int = limits.CONSOLE_FORM_BYTES_MAX,
    ) -> Route:
        """Something to do, by a form. What is refused is said on the page that the form stands on."""

        async def handle(request: Request) -> Response:
            check_origin(request, self._hub)
            form = await read_form(request, form_bytes_max)
            known = await self._visitor(request)
            if known is None:
                return _to_sign_in(request, form.get("back", HOME))
            try:
                _check_role(known, role)
                if not hmac.compare_digest(form.get("form_key", "").encode(), known.form_key.encode()):
                    raise Refused(Code.INSUFFICIENT_SCOPE, _NO_FORM)
                visit = Visit(request, known, is_secure(request, self._hub), form)
            except Refused as refused:
                return refusal(refused, known)
            try:
                return await handler(visit)
            except Refused as refused:
                if refused.code == Code.INSUFFICIENT_SCOPE:
                    return refusal(refused, known)
                return back(visit, HOME, refused.detail, good=False)

        return self._route(path, handle, "POST")

    def open(self, path: str, handler: Callable[[Request], Awaitable[Response]], method: str = "GET") -> Route:
        """For whoever comes. A form must come from one of our pages all the same."""

        async def handle(request: Request) -> Response:
            if method == "POST":
                check_origin(request, self._hub)
            return await handler(request)

        return self._route(path, handle, method)

    async def _visitor(self, request: Request) -> Visitor | None:
        return await visitor(self._hub, request.cookies.get(SESSION))

    def _route(self, path: str, handle: Callable[[Request], Awaitable[Response]], method: str) -> Route:
        refuse = lambda refused, _: refusal(refused, None, again=method == "GET")  # noqa: E731
        guarded = answered(handle, unreachable=UNREACHABLE, refuse=refuse, count=_count, route=path)
        return Route(path, guarded, methods=[method])


def show(visit: Visit, template: str, status: int = 200, **values: Any) -> Response:
    """A page for somebody, with what the page before wanted them to know."""
    notice = _read_notice(visit)
    text = render(
        template,
        visitor=visit.visitor,
        may=visit.visitor.may,
        here=visit.request.scope["path"],
        notice=notice,
        form_key=visit.visitor.form_key,
        **values,
    )
    response = HTMLResponse(text, status, HEADERS)
    if _NOTICE in visit.request.cookies:
        response.delete_cookie(_NOTICE, path=HOME)
    return response


def show_anyone(template: str, status: int = 200, **values: Any) -> Response:
    """A page for whoever comes."""
    return HTMLResponse(render(template, **values), status, HEADERS)


def back(visit: Visit, to: str, text: str, *, good: bool = True) -> Response:
    """To the page that the form stood on, else to another one of ours, which says what came of it."""
    wanted = visit.form.get("back", "")
    response = RedirectResponse(wanted if _is_ours(wanted) else to, 303, HEADERS)
    return notify(response, visit.visitor.form_key, text, good=good, secure=visit.secure)


def notify(response: Response, form_key: str, text: str, *, good: bool, secure: bool) -> Response:
    """Have the next page say something. It is signed: what another site put into the browser is not said."""
    said = base64.urlsafe_b64encode(json.dumps([good, text[:_NOTICE_MAX]], ensure_ascii=False).encode()).decode()
    value = f"{_signature(said, form_key)}.{said}"
    response.set_cookie(_NOTICE, value, max_age=30, path=HOME, secure=secure, httponly=True, samesite="lax")
    return response


def let_in(request: Request, hub: Hub, session: str, to: str) -> Response:
    """To a page, with a session from now on."""
    response = RedirectResponse(to if _is_ours(to) else HOME, 303, HEADERS)
    secure, whole = is_secure(request, hub), int(limits.SESSION_FOR_S)
    response.set_cookie(SESSION, session, max_age=whole, path=HOME, secure=secure, httponly=True, samesite="lax")
    return response


def let_out() -> Response:
    """To the door, without a session and without what the last action said."""
    response = RedirectResponse(SIGN_IN, 303, HEADERS)
    response.delete_cookie(SESSION, path=HOME)
    response.delete_cookie(_NOTICE, path=HOME)
    return response


def agent_of(request: Request) -> str:
    """What the browser calls itself."""
    return request.headers.get("user-agent", "")


def is_secure(request: Request, hub: Hub) -> bool:
    """Whether the browser came by https, also where a proxy of the operator's holds the certificate."""
    return request.url.scheme == "https" or (hub.public_url or "").startswith("https:")


def refusal(refused: Refused, known: Visitor | None, again: bool = False) -> Response:
    """A page that says why not. `again`: it is loaded anew by itself, where it may be there in a moment."""
    status, headers, _ = problem(refused, "")
    kept = {name: value for name, value in headers.items() if name.lower() == "retry-after"}
    if again and refused.code == Code.UNAVAILABLE:
        kept["refresh"] = str(_AGAIN_S)
    text = render("refused.html", status=status, text=refused.detail, visitor=known)
    return HTMLResponse(text, status, HEADERS | kept)


async def read_form(request: Request, bytes_max: int = limits.CONSOLE_FORM_BYTES_MAX) -> dict[str, str]:
    """The fields of a form; of those that stand several times the values, a line each. Raises Refused."""
    if media_type_of(request) != FORM:
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "Send a form.")
    raw = await read_body(request, bytes_max)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict")
    except ValueError:
        raise Refused(Code.MALFORMED_REQUEST, "This is no form of ours.") from None
    form: dict[str, str] = {}
    for name, value in pairs:
        form[name] = f"{form[name]}\n{value}" if name in form else value
    if any("\0" in value for value in form.values()):
        raise Refused(Code.MALFORMED_REQUEST, "No field holds a NUL.")
    return form


def check_origin(request: Request, hub: Hub) -> None:
    """A form comes from one of our own pages, as the browser says. Raises Refused(insufficient_scope)."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    ours = {request.headers.get("host", ""), urlsplit(hub.public_url or "").netloc} - {""}
    try:
        from_elsewhere = origin is not None and urlsplit(origin).netloc not in ours
    except ValueError:  # no address at all
        from_elsewhere = True
    if site not in (None, "same-origin", "none") or from_elsewhere:
        raise Refused(Code.INSUFFICIENT_SCOPE, "This form comes from another site.")


def _check_role(known: Visitor, role: Role) -> None:
    if not known.role.covers(role):
        raise Refused(Code.INSUFFICIENT_SCOPE, f"This is for who is {role} at least; you are {known.role}.")


def _to_sign_in(request: Request, to: str) -> Response:
    """To the door, and from there back."""
    door = f"{SIGN_IN}?to={quote(to, safe='/')}"
    if request.headers.get("hx-request") or request.headers.get("accept") == "text/event-stream":
        return Response("Sign in again.", 401, HEADERS | {"hx-redirect": door})
    return RedirectResponse(door, 303, HEADERS)


def _address(request: Request) -> str:
    """Of the page that is asked for; of what a page asks for by itself, that page's. Whoever goes there checks it."""
    try:
        there = urlsplit(request.headers.get("hx-current-url", str(request.url)))
    except ValueError:
        return HOME
    return f"{there.path}?{there.query}" if there.query else there.path


def _is_ours(path: str) -> bool:
    """Whether it is a page of the console, and leads nowhere else however a browser reads it."""
    below = path == HOME or path.startswith((f"{HOME}/", f"{HOME}?"))
    there = unquote(path.partition("?")[0])
    straight = not {".", ".."} & set(there.split("/")) and "\\" not in there and "//" not in there
    return below and straight and path.isprintable() and there.isprintable()


def _signature(said: str, form_key: str) -> str:
    return hmac.digest(form_key.encode(), said.encode(), "sha256").hex()


def _read_notice(visit: Visit) -> tuple[bool, str] | None:
    """What the page before wanted this session to know; None for what is not ours."""
    signature, _, said = visit.request.cookies.get(_NOTICE, "").partition(".")
    own = _signature(said, visit.visitor.form_key)
    if not hmac.compare_digest(signature.encode(), own.encode()):
        return None
    good, text = json.loads(base64.urlsafe_b64decode(said))
    return bool(good), str(text)


def _count(path: str, status: int, took_s: float) -> None:
    metrics.requests.labels("console", str(status)).observe(took_s)
