"""Who lets whom in: invitations, roles, locks, sessions, keys, what is written down of it, and what never is."""

import asyncio
import html
import re

import pytest
from structlog.testing import CapturingLogger

from builders import ORGANIZATION
from heard import limits
from heard.bootstrap import House, open_house
from heard.domain.ids import OrganizationId, PersonId
from heard.domain.people import EVERYTHING, Role
from heard.domain.refusals import Code, Refused
from heard.engine import change_person, people
from heard.engine.passwords import Passwords
from heard.net.call import Answer
from heard.storage import people as rows
from parties import Town, a_town
from visiting import PASSWORD, Guest, a_guest, deeds

OTHERS = OrganizationId("others")
LINK = re.compile(r"http://[\d.:]+(/console/join/hci_[\w-]{43})")


class Counted(Passwords):
    """How often a password was looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = 0

    async def matches(self, password_hash: str | None, password: str) -> bool:
        self.looked += 1
        return await super().matches(password_hash, password)


def link_in(answer: Answer) -> str:
    """The path of the link that a page shows: once in its text, once for the button that copies it."""
    assert answer.status == 200, answer.body
    found = LINK.findall(html.unescape(answer.body.decode()))
    assert (len(found), len(set(found))) == (2, 1)
    return str(found[0])


def joining(login: str, password: str = PASSWORD) -> dict[str, str]:
    return {"login": login, "password": password, "again": password}


async def person_id(town: Town, login: str) -> PersonId:
    async with town.house.hub.connection() as connection:
        person = await rows.find_login(connection, login)
    assert person is not None
    return person.person_id


async def wrong(house: House, login: str, times: int) -> list[Code]:
    """Wrong passwords, one after the other."""
    passwords, came = Passwords(), []
    for number in range(times):
        with pytest.raises(Refused) as refused:
            await people.sign_in(house.hub, passwords, login, f"wrong {number}")
        came.append(refused.value.code)
    return came


async def test_an_admin_invites_and_the_link_is_shown_once(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        admin = await a_guest(town, login="boss")
        await admin.get("/console/people")
        assert "boss" in admin.text
        form = {"role": "operator", "organization": ORGANIZATION, "back": "https://evil.example"}
        answer = await admin.post("/console/people/invite", form)
        link = link_in(answer)
        assert "set-cookie" not in answer.headers
        await admin.get("/console/people")
        assert link.rpartition("/")[2] not in admin.page
        new = Guest(town)
        await new.follow(await new.post(link, joining("Ana")))
        assert "Attention" in new.text
        assert (await new.get("/console/people")).status == 403
        again = await Guest(town).post(link, joining("ben"))
        assert (again.status, b"not good any more" in again.body) == (404, True)
        await admin.get("/console/people")
        assert re.search(r"ana .* operator", admin.text)
        assert ("boss", "invite", "done") in await deeds(town)
        assert ("ana", "join", "done") in await deeds(town)


async def test_an_admin_of_one_organization_reaches_no_further(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        await hub.pool.execute("INSERT INTO organizations (organization_id) VALUES ($1)", OTHERS)
        admin, root = await a_guest(town, login="boss"), await a_guest(town, login="root", whose=None)
        await a_guest(town, Role.VIEWER, "far", OTHERS)
        for whose in (EVERYTHING, OTHERS, "", "none"):
            answer = await admin.post("/console/people/invite", {"role": "viewer", "organization": whose})
            assert answer.status == 403, whose
        assert (await admin.post("/console/people/invite", {"role": "owner"})).status == 303
        page = await admin.get("/console/people")
        assert b"far" not in page.body
        assert b"root" not in page.body
        for login in ("far", "root"):
            for action in ("role", "disable", "enable", "link", "end-sessions"):
                whom = await person_id(town, login)
                answer = await admin.post(f"/console/people/{whom}/{action}", {"role": "viewer"})
                assert answer.status == 303
                await admin.follow(answer)
                assert "There is nobody" in admin.text
        secret = await people.invite(hub, OTHERS, Role.VIEWER, "root")
        ended = await admin.post("/console/people/end-link", {"link": people.hash_secret(secret).hex()})
        await admin.follow(ended)
        assert "used meanwhile" in admin.text
        assert (await people.invited(hub, secret))[0].organization_id == OTHERS
        await root.follow(await root.post("/console/people/end-link", {"link": people.hash_secret(secret).hex()}))
        with pytest.raises(Refused):
            await people.invited(hub, secret)
        link_in(await root.post("/console/people/invite", {"role": "admin", "organization": EVERYTHING}))
        unknown = await root.post("/console/people/invite", {"role": "admin", "organization": "none"})
        assert unknown.status == 303
        seen = await admin.get("/console/activity/deeds")
        assert b"root" not in seen.body


async def test_nobody_changes_themselves_and_no_lower_role_changes_anybody(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        admin = await a_guest(town, login="boss")
        own = await person_id(town, "boss")
        for action, form in (("role", {"role": "viewer"}), ("disable", {})):
            await admin.follow(await admin.post(f"/console/people/{own}/{action}", form))
            assert "That is you" in admin.text
        developer = await a_guest(town, Role.DEVELOPER, "dev")
        by = await people.visitor(hub, developer.cookies["heard_session"])
        assert by is not None
        for attempt in (
            change_person.set_role(hub, by, own, Role.VIEWER),
            change_person.set_disabled(hub, by, own, True),
            change_person.link_for(hub, by, own),
            change_person.end_sessions(hub, by, own),
            change_person.invite_to(hub, by, Role.VIEWER, ORGANIZATION),
        ):
            with pytest.raises(Refused) as refused:
                await attempt
            assert refused.value.code == Code.INSUFFICIENT_SCOPE
        stale = await people.visitor(hub, admin.cookies["heard_session"])
        assert stale is not None
        await hub.pool.execute("UPDATE console_people SET role = 'operator' WHERE login = 'boss'")
        with pytest.raises(Refused, match="no admin any more"):
            await change_person.set_role(hub, stale, await person_id(town, "dev"), Role.ADMIN)


async def test_a_change_holds_from_the_next_click_on(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        admin, ben = await a_guest(town, login="boss"), await a_guest(town, login="ben")
        whom = await person_id(town, "ben")
        invited = link_in(await ben.post("/console/people/invite", {"role": "admin", "organization": ORGANIZATION}))
        assert (await ben.get("/console/people")).status == 200
        await admin.follow(await admin.post(f"/console/people/{whom}/role", {"role": "viewer"}))
        assert "ben is viewer from now on" in admin.text
        assert (await ben.get("/console/people")).status == 403
        assert (await Guest(town).get(invited)).status == 404  # what they let others in by is over
        reset = link_in(await admin.post(f"/console/people/{whom}/link"))
        await admin.follow(await admin.post(f"/console/people/{whom}/disable"))
        assert (await ben.get("/console")).status == 303
        assert (await Guest(town).get(reset)).status == 404
        out = await Guest(town).post("/console/sign-in", {"login": "ben", "password": PASSWORD})
        assert (out.status, b"is wrong" in out.body) == (401, True)
        await admin.follow(await admin.post(f"/console/people/{whom}/link"))
        assert "let them in first" in admin.text
        await admin.follow(await admin.post(f"/console/people/{whom}/enable"))
        assert (await ben.get("/console")).status == 303  # no session comes alive again
        await ben.follow(await ben.post("/console/sign-in", {"login": "ben", "password": PASSWORD}))
        await admin.follow(await admin.post(f"/console/people/{whom}/end-sessions"))
        assert "One session has ended" in admin.text
        assert (await ben.get("/console")).status == 303
        done = [(who, call) for who, call, _ in await deeds(town)]
        for call in ("set_role", "disable_person", "enable_person", "link_for_a_new_password", "end_sessions"):
            assert ("boss", call) in done
        assert ("ben", "sign_in") in done


async def test_a_link_for_a_new_password_ends_what_was_before_it(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        admin, ben = await a_guest(town, login="boss"), await a_guest(town, Role.VIEWER, "ben")
        whom = await person_id(town, "ben")
        first = link_in(await admin.post(f"/console/people/{whom}/link"))
        second = link_in(await admin.post(f"/console/people/{whom}/link"))
        assert (await Guest(town).get(first)).status == 404
        assert (await ben.get("/console")).status == 200
        await wrong(town.house, "ben", limits.LOGIN_FAILURES_FREE + 1)
        again = Guest(town)
        await again.follow(await again.post(second, joining("boss", "another good one")))
        assert (await ben.get("/console")).status == 303
        assert "viewer" in again.page
        assert (await again.get("/console/people")).status == 403  # the login that was typed counts for nothing
        assert (await Guest(town).post(second, joining("ben", "yet another one"))).status == 404
        old, new = ({"login": "ben", "password": word} for word in (PASSWORD, "another good one"))
        assert (await Guest(town).post("/console/sign-in", new)).status == 303  # and the lock is gone
        assert (await Guest(town).post("/console/sign-in", old)).status == 401
        taken = link_in(await admin.post("/console/people/invite", {"role": "admin", "organization": ORGANIZATION}))
        answer = await Guest(town).post(taken, joining("BEN"))
        assert (answer.status, b"somebody else" in answer.body) == (422, True)
        assert (await Guest(town).get(taken)).status == 200


async def test_of_many_who_come_by_one_link_at_once_one_is_let_in(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, passwords = town.house.hub, Passwords()
        first, other = await people.invite_first(hub), await people.invite_first(hub)
        assert first is not None
        assert other is not None
        tries = [people.join(hub, passwords, one, f"guest{n}", PASSWORD) for n, one in enumerate([first, other] * 3)]
        came = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(one, str) for one in came) == 1
        assert all(isinstance(one, str) or (isinstance(one, Refused) and one.code == Code.NOT_FOUND) for one in came)
        assert await people.invite_first(hub) is None
        for secret in (first, other):
            assert (await Guest(town).get(f"/console/join/{secret}")).status == 404
        one = await people.invite(hub, ORGANIZATION, Role.ADMIN, "a test")
        tries = [people.join(hub, passwords, one, f"more{number}", PASSWORD) for number in range(4)]
        came = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(each, str) for each in came) == 1
        assert await hub.pool.fetchval("SELECT count(*) FROM console_people") == 2


async def test_links_that_nobody_uses_are_bounded_and_end(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        secrets = [await people.invite(hub, OTHERS, Role.VIEWER, "x") for _ in range(limits.INVITATIONS_OPEN_MAX)]
        with pytest.raises(Refused, match="links that nobody has used"):
            await people.invite(hub, OTHERS, Role.VIEWER, "x")
        await hub.pool.execute("UPDATE clock SET \"offset\" = interval '25 hours'")
        with pytest.raises(Refused):
            await people.invited(hub, secrets[0])
        await people.invite(hub, OTHERS, Role.VIEWER, "x")
        assert await hub.pool.fetchval("SELECT count(*) FROM console_invitations") == 1


async def test_a_lock_holds_at_every_hub_and_the_right_password_does_not_lift_it(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town, open_house(town.house.config) as other:
        await a_guest(town, login="ana")
        free = limits.LOGIN_FAILURES_FREE
        assert await wrong(town.house, "ana", free) == [Code.INVALID_CLIENT] * free
        assert await wrong(other, "ana", 2) == [Code.INVALID_CLIENT, Code.RATE_LIMITED]
        for house in (town.house, other):
            with pytest.raises(Refused) as refused:
                await people.sign_in(house.hub, Passwords(), "ana", PASSWORD)
            assert (refused.value.code, (refused.value.retry_after_s or 0) > 20) == (Code.RATE_LIMITED, True)
        answer = await Guest(town).post("/console/sign-in", {"login": "ana", "password": PASSWORD})
        assert (answer.status, b"locked for" in answer.body, "retry-after" in answer.headers) == (429, True, False)
        locked = [deed for deed in await deeds(town) if deed[1] == "locked"]
        assert locked == [("ana", "locked", f"{free + 1} wrong passwords in a row")]
        await town.house.hub.pool.execute("UPDATE clock SET \"offset\" = interval '31 seconds'")
        assert await wrong(other, "ana", 1) == [Code.INVALID_CLIENT]  # now for twice as long
        await town.house.hub.pool.execute("UPDATE clock SET \"offset\" = interval '80 seconds'")
        assert await wrong(town.house, "ana", 1) == [Code.RATE_LIMITED]
        await town.house.hub.pool.execute("UPDATE clock SET \"offset\" = interval '95 seconds'")
        assert await people.sign_in(other.hub, Passwords(), "ana", PASSWORD)
        assert await wrong(town.house, "ana", free) == [Code.INVALID_CLIENT] * free


async def test_of_many_passwords_at_once_no_more_are_judged_than_one_after_the_other(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        await a_guest(town, login="ana")

        async def attempt(number: int) -> Code | str:
            try:
                # The right one comes in the middle of a burst that began before there was any lock.
                return await people.sign_in(hub, Passwords(), "ana", PASSWORD if number > 17 else f"wrong {number}")
            except Refused as refused:
                return refused.code

        await wrong(town.house, "ana", limits.LOGIN_FAILURES_FREE - 1)
        came = await asyncio.gather(*(attempt(number) for number in range(18)))
        assert came.count(Code.INVALID_CLIENT) == 2
        assert came.count(Code.RATE_LIMITED) == 16
        assert await attempt(18) == Code.RATE_LIMITED
        assert await hub.pool.fetchval("SELECT failures FROM console_tries") == limits.LOGIN_FAILURES_FREE + 1


async def test_who_is_shut_out_while_their_password_is_looked_at_stays_out(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, admin = town.house.hub, await a_guest(town, login="boss")
        await a_guest(town, login="ana")
        by, whom = await people.visitor(hub, admin.cookies["heard_session"]), await person_id(town, "ana")
        assert by is not None

        class Meanwhile(Passwords):
            async def matches(self, password_hash: str | None, password: str) -> bool:
                right = await super().matches(password_hash, password)
                await change_person.set_disabled(hub, by, whom, True)
                return right

        with pytest.raises(Refused) as refused:
            await people.sign_in(hub, Meanwhile(), "ana", PASSWORD)
        assert refused.value.code == Code.INVALID_CLIENT
        await change_person.set_disabled(hub, by, whom, False)
        assert await hub.pool.fetchval("SELECT count(*) FROM console_sessions WHERE person_id = $1", whom) == 0


async def test_a_login_that_nobody_has_goes_the_same_way_and_is_locked_alike(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, free = town.house.hub, limits.LOGIN_FAILURES_FREE
        await a_guest(town, login="ana")
        said = {}
        for login in ("ana", "nobody", "no login at all"):
            passwords, told = Counted(), []
            for _ in range(free + 2):
                with pytest.raises(Refused) as refused:
                    await people.sign_in(hub, passwords, login, "wrong")
                told.append((refused.value.code, refused.value.detail.partition(" for ")[0]))
            assert passwords.looked == free + 1  # once each time, and not at all when it is locked
            said[login] = told
        assert said["ana"] == said["nobody"] == said["no login at all"]
        kept = await hub.pool.fetch("SELECT length(login_hash) AS length FROM console_tries")
        assert sorted(row["length"] for row in kept) == [2, 2, 32]


async def test_somebody_changes_their_password_and_is_out_everywhere_else(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        guest = await a_guest(town, Role.VIEWER, "ana")
        other = Guest(town)
        await other.follow(await other.post("/console/sign-in", {"login": "ana", "password": PASSWORD}))
        before = guest.cookies["heard_session"]
        await guest.get("/console/people/me", user_agent="x")
        assert guest.page.count("End it") == 2
        new = "a fourth blind mouse"
        for old, first, again, told in (
            ("wrong", new, new, "The old password is wrong."),
            (PASSWORD, new, new + "!", "are not the same"),
            (PASSWORD, "short", "short", "needs 10 characters"),
        ):
            form = {"old": old, "password": first, "again": again, "back": "/console/people/me"}
            await guest.follow(await guest.post("/console/people/me/password", form))
            assert told in guest.text
        form = {"old": PASSWORD, "password": new, "again": new}
        await guest.follow(await guest.post("/console/people/me/password", form))
        assert "signed out everywhere else" in guest.text
        assert guest.cookies["heard_session"] != before
        assert (await Guest(town, {"heard_session": before}).get("/console")).status == 303
        assert (await other.get("/console")).status == 303
        assert (await Guest(town).post("/console/sign-in", {"login": "ana", "password": PASSWORD})).status == 401
        for _ in range(limits.LOGIN_FAILURES_FREE):  # who sits at somebody's screen guesses no more than at the door
            await guest.post("/console/people/me/password", {"old": "wrong", "password": new, "again": new})
        await guest.get("/console")
        await guest.follow(await guest.post("/console/people/me/password", form))
        assert "locked for" in guest.text


async def test_sessions_are_ones_own_to_end(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        ana, ben = await a_guest(town, login="ana"), await a_guest(town, login="ben")
        agent = "Till <script>\u202e 7" + "x" * 500
        session = await people.sign_in(hub, Passwords(), "ana", PASSWORD, agent)
        await ana.get("/console/people/me")
        assert "Till &lt;script&gt; 7xxx" in ana.page
        assert "x" * limits.AGENT_MAX not in ana.page
        stolen = people.hash_secret(ana.cookies["heard_session"]).hex()
        await ben.follow(await ben.post("/console/people/me/end-session", {"session": stolen}))
        assert "over already" in ben.text
        await ana.follow(
            await ana.post("/console/people/me/end-session", {"session": people.hash_secret(session).hex()})
        )
        assert "That session has ended" in ana.text
        assert await people.visitor(hub, session) is None
        for _ in range(limits.SESSIONS_OF_ONE_MAX + 3):
            await people.sign_in(hub, Passwords(), "ana", PASSWORD)
        kept = await hub.pool.fetchval("SELECT count(*) FROM console_sessions")
        assert kept == limits.SESSIONS_OF_ONE_MAX + 1  # and ben's
        fresh = Guest(town)
        await fresh.follow(await fresh.post("/console/sign-in", {"login": "ana", "password": PASSWORD}))
        out = await fresh.post("/console/people/me/sign-out-everywhere")
        assert (out.status, "heard_session" in fresh.cookies) == (303, False)
        assert await hub.pool.fetchval("SELECT count(*) FROM console_sessions") == 1
        assert (await ben.get("/console")).status == 200
        for span in ("4 hours 1 minute", "13 hours"):
            await hub.pool.execute('UPDATE clock SET "offset" = $1::text::interval', span)
            assert (await ben.get("/console")).status == 303


async def test_who_did_what_is_read_page_by_page(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        admin = await a_guest(town, login="boss")
        async with hub.connection() as connection:
            for number in range(120):
                who = f"<i>{number:03}" if number == 119 else f"who{number:03}"
                await rows.note_deed(connection, ORGANIZATION, f"did_{number:03}", who, "pause_store", "ven_1")
        first = await admin.get("/console/activity/deeds")
        assert b"&lt;i&gt;119" in first.body
        assert b"who000" not in first.body
        [older] = re.findall(r'href="(\?before=[^"]+)"', admin.page)
        await admin.get(f"/console/activity/deeds{older}")
        assert "who000" in admin.text
        assert "who118" not in admin.text


async def test_no_line_of_the_log_and_no_repr_has_a_secret(dsn: str, said: CapturingLogger) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        admin = await a_guest(town, login="boss")
        link = link_in(await admin.post("/console/people/invite", {"role": "viewer", "organization": ORGANIZATION}))
        secret = link.rpartition("/")[2]
        key = {"name": "k", "organization": ORGANIZATION, "scopes": "read"}
        made = re.search(rb"hak_[\w-]{43}", (await admin.post("/console/keys/add", key)).body)
        assert made is not None
        guest = Guest(town)
        await guest.get(link)
        await guest.post(link, joining("ana", "too short"))
        await guest.post(link, joining("boss"))
        await guest.post(link, joining("ana"), sec_fetch_site="cross-site")
        await guest.follow(await guest.post(link, joining("ana")))
        await guest.get(link)
        await Guest(town).post("/console/sign-in", {"login": "mypassword-typed-there", "password": "wrong"})
        await Guest(town).post("/console/sign-in", {"login": "ana", "password": "swordfish wrong"})
        await guest.post("/console/people/me/password", {"old": PASSWORD, "password": "newly made one", "again": "x"})
        await Guest(town).get("/console/join/hci_" + "b" * 43)
        by = await people.visitor(hub, guest.cookies["heard_session"])
        invitation = await people.invited(hub, await people.invite(hub, ORGANIZATION, Role.VIEWER, "x"))
        lines = [str(call) for call in said.calls] + [repr(by), repr(invitation)]
        secrets = [secret, PASSWORD, "too short", "swordfish", "mypassword-typed", "newly made", "hci_b", "argon2"]
        secrets += [made.group().decode(), guest.cookies["heard_session"], guest.cookies["heard_session"][:20]]
        assert by is not None
        assert len(lines) > 20
        for one in [*secrets, by.form_key, by.session_hash.hex()]:
            assert not [line for line in lines if one in line], one
