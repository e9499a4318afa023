"""The gate of the console, attacked: every route of it, forged forms, odd bytes, ways out to other places."""

import asyncio
import re
from html import unescape
from http.cookies import SimpleCookie

from starlette.routing import Route

from heard.console.app import routes
from heard.domain.people import Role
from heard.net.call import Answer, Call
from parties import Town, a_town
from visiting import FORM, PASSWORD, Guest, a_guest

OPEN = {"/console/static/{hash}/{name}", "/console/", "/console/sign-in", "/console/join/{secret}"}
OWN = "/console/people/me/"  # what a viewer may do: to themselves
STREAMS = ("/updates", "/tail", "/stream")
HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

ELSEWHERE = [
    "//evil.example",
    "https://evil.example/console",
    "/console\\evil.example",
    "/console/../admin",
    "/console/%2e%2e/admin",
    "/console/..%2fadmin",
    "/console/.//evil.example",
    "/console//evil.example",
    "/console/%5cevil.example",
    "/console%2f..",
    "/consolex",
    "/console\n/x",
    "/console/x\r\nset-cookie: a=b",
    "/console/%0d%0ax",
    "/console\t",
    "javascript:alert(1)",
    "/Console",
    "",
]


def _filled(route: Route) -> str:
    """A path of the route, about what nobody has."""
    return re.sub(r"\{[^}]*\}", "nothing_there", route.path)


def _routes(town: Town, method: str) -> list[Route]:
    found = [one for one in routes(town.house.hub, town.house.outbound) if method in (one.methods or ())]
    assert len(found) >= 5
    return found


def _is_guarded(answer: Answer) -> bool:
    csp = answer.headers["content-security-policy"]
    return HEADERS.items() <= answer.headers.items() and "default-src 'none'" in csp and "unsafe" not in csp


async def test_every_page_and_every_action_asks_who_is_there(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        for method in ("GET", "POST"):
            for route in _routes(town, method):
                stranger = Guest(town, {"heard_session": "hcs_" + "a" * 43})
                path = _filled(route)
                answer = await (stranger.get(path) if method == "GET" else stranger.post(path, {"form_key": "0" * 64}))
                if route.path in OPEN:
                    continue
                assert answer.status == 303, (method, path)
                assert answer.headers["location"].startswith("/console/sign-in?to=/console"), path
                assert _is_guarded(answer), path


async def test_every_action_asks_for_the_role_the_forms_key_and_its_own_page(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        admin, viewer = await a_guest(town), await a_guest(town, Role.VIEWER)
        viewer_may = 0
        for route in _routes(town, "POST"):
            path = _filled(route)
            foreign: list[dict[str, str]] = [
                {"origin": "https://evil.example", "sec_fetch_site": "cross-site"},
                {"sec_fetch_site": "same-site"},
                {"sec_fetch_site": "cross-site"},
                {"origin": "null"},
                {"origin": "http://["},
                {"origin": town.hub_url + ".evil.example"},
                {"origin": "http://127.0.0.1:1"},
            ]
            for headers in foreign:
                answer = await admin.post(path, **headers)
                assert (answer.status, _is_guarded(answer)) == (403, True), (path, headers)
                assert b"another site" in answer.body
            if route.path in OPEN:
                continue
            for key in ("", "0" * 64, "\u00e9", "x" * 10_000):
                answer = await admin.post(path, {"form_key": key})
                assert (answer.status, _is_guarded(answer)) == (403, True), (path, key)
                assert b"none of yours" in answer.body
            if path.startswith(OWN) or path == "/console/sign-out":
                viewer_may += 1
                continue
            answer = await viewer.post(path)
            assert (answer.status, _is_guarded(answer)) == (403, True), path
            assert b"you are viewer" in answer.body
        assert viewer_may == 4
        assert (await viewer.get("/console")).status == (await admin.get("/console")).status == 200


async def test_every_html_answer_carries_the_headers_that_hold_a_page(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        admin = await a_guest(town)
        seen = set()
        for route in _routes(town, "GET"):
            path = _filled(route)
            if path.endswith(STREAMS):
                continue
            answer = await admin.get(path)
            assert answer.status != 500, path
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert _is_guarded(answer), path
                assert not re.search(rb"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=", answer.body), path
                seen.add(answer.status)
        assert seen >= {200, 404}
        for path in ("/console/people", "/console/activity/deeds", "/console/keys"):
            operator = await a_guest(town, Role.OPERATOR, login=f"op{len(path)}")
            assert (await operator.get(path)).status == 403, path


async def test_nobody_is_led_out_of_the_console(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        guest = await a_guest(town, login="ana")
        form = {"login": "ana", "password": PASSWORD}
        for to in ELSEWHERE:
            done = await guest.post("/console/people/me/end-session", {"session": "00", "back": to})
            assert (done.status, done.headers["location"]) == (303, "/console"), to
            answer = await Guest(town).post("/console/sign-in", {**form, "to": to})
            assert (answer.status, answer.headers["location"]) == (303, "/console"), to
        assert (await Guest(town).post("/console/sign-in", {**form, "to": "/console\0"})).status == 400
        asked = await Guest(town).get("/console/sign-in?to=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
        assert b"<script>alert" not in asked.body


async def test_a_way_back_into_the_console_is_taken(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        await a_guest(town, login="ana")
        for to in ("/console", "/console/people/me", "/console/search?q=https://x.example/../y"):
            answer = await Guest(town).post("/console/sign-in", {"login": "ana", "password": PASSWORD, "to": to})
            assert (answer.status, answer.headers["location"]) == (303, to)


async def test_whoever_has_to_sign_in_is_led_back_to_the_page_before_them(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        nobody, of = Guest(town), "/console/orders?status=open&number=%26"
        door = "/console/sign-in?to=/console/orders%3Fstatus%3Dopen%26number%3D%2526"
        assert (await nobody.get(of)).headers["location"] == door
        for shown, to in ((town.hub_url + of, door), ("http://[", "/console/sign-in?to=/console")):
            asked = await nobody.get("/console/failures/count", hx_request="true", hx_current_url=shown)
            assert (asked.status, asked.headers["hx-redirect"]) == (401, to)
        for form, to in (({"back": of}, door), ({}, "/console/sign-in?to=/console")):
            assert (await nobody.post("/console/stores/ven_x/pause", form)).headers["location"] == to
        await a_guest(town, login="ana")
        await nobody.get(door)
        kept = re.findall(r'name="to" value="([^"]*)"', nobody.page)
        answer = await nobody.post("/console/sign-in", {"login": "ana", "password": PASSWORD, "to": unescape(kept[0])})
        assert answer.headers["location"] == of


async def test_the_session_is_a_cookie_that_no_script_and_no_other_site_has(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        guest = await a_guest(town, login="ana")
        planted = Guest(town, {"heard_session": guest.cookies["heard_session"]})
        form = {"login": "ana", "password": PASSWORD}
        for public_url, secure in ((None, False), ("https://hub.example", True)):
            town.house.hub.public_url = public_url
            answer = await planted.post("/console/sign-in", form)
            morsel = SimpleCookie(answer.headers["set-cookie"])["heard_session"]
            assert (morsel["httponly"], bool(morsel["secure"])) == (True, secure)
            assert (morsel["samesite"].lower(), morsel["path"], morsel["domain"]) == ("lax", "/console", "")
            assert morsel.value not in (guest.cookies["heard_session"], "")  # whatever was there before is not it
        assert (await guest.get("/console")).status == 200


async def test_odd_forms_are_refused_and_nothing_fails(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        guest = await a_guest(town)
        named = {"origin": town.hub_url, "cookie": f"heard_session={guest.cookies['heard_session']}"}

        async def send(body: bytes, path: str = "/console/sign-in", **headers: str) -> int:
            sent = {"content-type": FORM, **named, **{name.replace("_", "-"): each for name, each in headers.items()}}
            answer = await town.house.outbound.send(Call("POST", town.hub_url + path, sent, body, 10.0, 1 << 20))
            assert isinstance(answer, Answer)
            return answer.status

        assert await send(b"{}", content_type="application/json") == 415
        assert await send(b"a=b", content_type="multipart/form-data; boundary=x") == 415
        assert await send(b"a=b", content_type="") == 415
        assert await send(b"x=" + b"y" * 70_000) == 413
        assert await send(b"&".join(b"f%d=1" % number for number in range(300))) == 400
        assert await send(b"login=%ff%fe") == 400
        assert await send(b"login=a%00b") == 400
        assert await send(b"\xff\xfe") == 400
        assert await send(b"") == 401
        assert await send(b"login=ana&login=ana&password=x") == 401
        assert await send(b"login=" + b"x" * 60_000 + b"&password=" + b"y" * 2_000) == 401
        assert await send(b"form_key=" + b"0" * 64, path="/console/people/me/end-session") == 403
        assert await send(b"form_key=x", path="/console/people/%00/role") == 404


async def test_a_notice_that_is_not_the_hubs_is_not_shown(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        guest = await a_guest(town)
        refused = await guest.post("/console/people/me/end-session", {"session": "00", "back": "/console/people/me"})
        notice = guest.cookies["heard_notice"]
        await guest.follow(refused)
        assert "This session is over already." in guest.text
        assert "heard_notice" not in guest.cookies
        other = await a_guest(town, login="ben")
        signature, _, said = notice.partition(".")
        assert len(notice) < 4_000
        for bad in (notice, said, f".{said}", f"{signature}.", f"{'0' * 64}.{said}", "x", "W" * 3000, "\u00ff", '"[[['):
            other.cookies["heard_notice"] = bad
            answer = await other.get("/console")
            assert (answer.status, "over already" in other.text) == (200, False), bad
            assert "heard_notice" not in other.cookies


async def test_sessions_of_all_shapes_are_nobodys(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        for session in ("", "x", "hcs_", "a" * 101, "\u00e9" * 40, "hcs_" + "a" * 43):
            assert (await Guest(town, {"heard_session": session}).get("/console")).status == 303, session


async def test_a_page_that_is_not_there_says_so_to_who_is_in(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        answer = await (await a_guest(town)).get("/console/nothing/of/that")
        assert (answer.status, b"no such page" in answer.body, _is_guarded(answer)) == (404, True, True)


async def test_a_form_comes_through_a_proxy_that_says_another_host(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        await a_guest(town, login="ana")
        town.house.hub.public_url = "https://hub.example"
        form, origin = {"login": "ana", "password": PASSWORD}, "https://hub.example"
        came = await asyncio.gather(
            Guest(town).post("/console/sign-in", form, origin=origin),
            Guest(town).post("/console/sign-in", form, origin="https://hub.example.evil"),
        )
        assert [one.status for one in came] == [303, 403]
