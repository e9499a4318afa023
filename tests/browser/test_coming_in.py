"""People come into the console and go out of it, in real browsers, each in one of their own; what keeps the door."""

import re

import pytest
from browsing import Browse, Look, Reader
from playwright.async_api import Locator, Page, expect
from test_accessibility import faults_of

from asking import ask
from builders import ORGANIZATION
from heard import limits
from heard.console.gate import SESSION
from heard.domain.people import EVERYTHING, Role
from heard.engine import people
from oidc_provider import a_provider, settings
from parties import Town, a_town
from visiting import PASSWORD, deeds

NEW = "a fourth blind mouse"
DOOR = re.compile(r"/console/sign-in(\?to=/console[\w/]*)?$")


async def press(page: Page | Locator, button: str) -> None:
    await page.get_by_role("button", name=button, exact=True).click()


async def join(
    reader: Reader, link: str, login: str | None, password: str = PASSWORD, again: str | None = None
) -> None:
    """Come in by a link; `login` None: it is known already."""
    page = reader.page
    await page.goto(link)
    await expect(page.get_by_label("Login")).to_have_count(0 if login is None else 1)
    if login is not None:
        await page.get_by_label("Login").fill(login)
    await page.get_by_label("Password").fill(password)
    await page.get_by_label("The same again").fill(again or password)
    await press(page, "Come in")


async def sign_in(reader: Reader, login: str, password: str = PASSWORD) -> None:
    page = reader.page
    await expect(page).to_have_url(DOOR)
    await page.get_by_label("Login").fill(login)
    await page.get_by_label("Password").fill(password)
    await press(page, "Sign in")


async def is_in(reader: Reader, login: str) -> None:
    await expect(reader.page.get_by_role("link", name=login, exact=True)).to_be_visible()


async def is_out(reader: Reader) -> None:
    """Whatever they do next leads to the door."""
    await reader.open("/console")
    await expect(reader.page).to_have_url(DOOR)


async def the_link(reader: Reader) -> str:
    """The one that is shown now, as the button copies it."""
    page = reader.page
    link = await page.locator("pre.secret").inner_text()
    await press(page, "Copy the link")
    await expect(page.get_by_role("button", name="copied")).to_be_visible()
    assert await page.evaluate("() => navigator.clipboard.readText()") == link
    await page.get_by_role("link", name="Done").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("People")
    assert link not in await page.content()
    return link


def row_of(reader: Reader, login: str) -> Locator:
    page = reader.page
    return page.locator("table.people").get_by_role("row").filter(has=page.get_by_text(login, exact=True))


async def change(reader: Reader, login: str) -> Locator:
    """What can be changed of somebody, opened."""
    row = row_of(reader, login)
    await row.get_by_text("Change").click()
    return row


async def invite(admin: Reader, role: Role) -> str:
    page = admin.page
    await page.get_by_label("Role").first.select_option(str(role))
    await page.get_by_label("Sees").select_option(ORGANIZATION)
    await press(page, "Make a link")
    await expect(page.get_by_role("main")).to_contain_text(f"It lets one person in, as {role}, once, within 24 hours.")
    return await the_link(admin)


async def person(town: Town, login: str) -> tuple[str, str, bool]:
    """Of whom they see what, as what, and whether they may come in."""
    sql = "SELECT organization_id, role, disabled_at IS NULL AS may FROM console_people WHERE login = $1"
    row = await town.house.hub.pool.fetchrow(sql, login)
    assert row is not None
    return row["organization_id"], row["role"], row["may"]


async def come_in_first(admin: Reader, town: Town) -> None:
    page = admin.page
    link = f"{town.hub_url}/console/join/{await people.invite_first(town.house.hub)}"
    await join(admin, link, "Ana", "too short")
    await expect(page.locator("input[name=password]:invalid")).to_have_count(1)  # the browser sends no such form
    await join(admin, link, "Ana", again="three blind cats")
    await expect(page.get_by_role("alert")).to_contain_text("The two passwords are not the same.")
    await expect(page.get_by_label("Login")).to_have_value("Ana")
    await join(admin, link, "Ana")
    await is_in(admin, "ana")
    assert await person(town, "ana") == (EVERYTHING, "admin", True)
    await admin.page.goto(link)
    await expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    await page.get_by_role("link", name="To the console").click()
    await press(page, "Sign out")
    await is_out(admin)


async def find_the_door_locked(admin: Reader, town: Town) -> None:
    """Wrong passwords are told, as are too many of them."""
    alert = admin.page.get_by_role("alert")
    for _ in range(limits.LOGIN_FAILURES_FREE + 1):
        async with admin.page.expect_navigation():
            await sign_in(admin, "ana", NEW)
        await expect(alert).to_contain_text("The login or the password is wrong.")
        await expect(admin.page.get_by_label("Login")).to_have_value("ana")
    await sign_in(admin, "ana")
    await expect(alert).to_contain_text("Too many wrong passwords: this login is locked for")
    assert await faults_of(admin.page) == []
    await town.pass_time(seconds=limits.LOGIN_LOCK_FIRST_S + 1)
    await sign_in(admin, "ana")
    await is_in(admin, "ana")


async def give_a_role_and_a_password(admin: Reader, ben: Reader, town: Town) -> None:
    row = await change(admin, "ben")
    await row.get_by_label("Role").select_option("developer")
    await press(row, "Set the role")
    await admin.told("ben is developer from now on.")
    assert await person(town, "ben") == (ORGANIZATION, "developer", True)
    await ben.open("/console")
    await expect(ben.page.get_by_role("button", name="Calls and events")).to_be_visible()
    await press(await change(admin, "ben"), "Link for a new password")
    await expect(admin.page.get_by_role("main")).to_contain_text("It lets ben set a new password, once")
    await join(ben, await the_link(admin), None, NEW)
    await is_in(ben, "ben")
    await press(ben.page, "Sign out")
    await sign_in(ben, "ben")
    await expect(ben.page.get_by_role("alert")).to_contain_text("is wrong")
    await sign_in(ben, "ben", NEW)
    await is_in(ben, "ben")


async def shut_out_and_let_in(admin: Reader, ben: Reader, town: Town) -> None:
    row = await change(admin, "ben")
    question = await admin.asked(row.get_by_role("button", name="End all sessions"))
    assert question == "Sign ben out everywhere?"
    await admin.told("One session has ended.")
    await is_out(ben)
    await sign_in(ben, "ben", NEW)
    await is_in(ben, "ben")
    out = (await change(admin, "ben")).get_by_role("button", name="Shut out")
    assert await admin.asked(out, sure=False) == "Shut ben out, at once and everywhere?"
    assert await person(town, "ben") == (ORGANIZATION, "developer", True)
    await admin.asked(out)
    await admin.told("ben is shut out. API keys of theirs stay good until they are revoked.")
    await expect(row).to_contain_text("✕ shut out")
    assert await person(town, "ben") == (ORGANIZATION, "developer", False)
    await is_out(ben)
    await sign_in(ben, "ben", NEW)
    await expect(ben.page.get_by_role("alert")).to_contain_text("is wrong")
    row = await change(admin, "ben")
    await expect(row.get_by_role("button", name="Shut out")).to_have_count(0)
    assert await faults_of(admin.page) == []
    await press(row, "Let in again")
    await admin.told("ben may come in again.")
    await sign_in(ben, "ben", NEW)
    await is_in(ben, "ben")


async def end_a_link(admin: Reader, ben: Reader, town: Town) -> None:
    link, unused = await invite(admin, Role.VIEWER), admin.page.get_by_role("row").filter(has_text="a new viewer")
    await expect(unused).to_contain_text("ana")
    await press(unused, "End it")
    await admin.told("The link is good no more.")
    await expect(unused).to_have_count(0)
    await ben.page.goto(link)
    await expect(ben.page.get_by_role("heading", name="Not found")).to_be_visible()
    secret = await people.invite(town.house.hub, ORGANIZATION, Role.VIEWER, "ana")
    await admin.page.reload()
    await join(ben, f"{town.hub_url}/console/join/{secret}", "cleo")
    await is_in(ben, "cleo")
    await press(unused, "End it")
    await admin.told("This link was used meanwhile, or its time is over.")
    await expect(admin.page.get_by_role("heading", level=1)).to_have_text("People")


async def test_whoever_comes_first_lets_others_in_and_out(
    dsn: str, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOGIN_FAILURES_FREE", 1)
    async with a_town(dsn, worker=False) as town, look(town.hub_url) as admin, look(town.hub_url) as ben:
        for one in (admin, ben):
            one.expects(r"status of 4(01|04|22|29)")
        await admin.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await come_in_first(admin, town)
        await find_the_door_locked(admin, town)
        await admin.goes_to("People")
        await join(ben, await invite(admin, Role.OPERATOR), "ben")
        await is_in(ben, "ben")
        await expect(ben.page.get_by_role("link", name="People")).to_have_count(0)
        assert await person(town, "ben") == (ORGANIZATION, "operator", True)
        await admin.page.reload()
        await expect(row_of(admin, "ben")).to_contain_text(
            re.compile("operator.*in 1 session.*✓ may come in", re.DOTALL)
        )
        await give_a_role_and_a_password(admin, ben, town)
        await shut_out_and_let_in(admin, ben, town)
        await end_a_link(admin, ben, town)
        await admin.page.get_by_role("link", name="Who did what").click()
        await expect(admin.page.get_by_role("heading", level=1)).to_have_text("Who did what")
        told = [re.sub(r"\s+", " ", one) for one in await admin.page.get_by_role("row").all_inner_texts()]
        for who, call in (
            *(("ana", one) for one in ("join", "sign in", "locked", "invite", "set role", "link for a new password")),
            *(("ana", one) for one in ("end sessions", "disable person", "enable person", "end link")),
            *(("ben", one) for one in ("join", "set password", "sign in")),
        ):
            assert [one for one in told if f" {who} " in one and f" {call} " in one], (who, call)
        assert len(told) - 1 == len(await deeds(town))


# --- one's own ------------------------------------------------------------------------------------------------


async def change_the_password(reader: Reader, other: Reader, town: Town) -> None:
    page, before = reader.page, await town.house.hub.pool.fetchval("SELECT password_hash FROM console_people")
    for old, first, again, told in (
        ("wrong", NEW, NEW, "The old password is wrong."),
        (PASSWORD, NEW, NEW + "!", "The two new passwords are not the same."),
        (PASSWORD, "aaaaaaaaaaaa", "aaaaaaaaaaaa", "The new password is too easy to guess."),
    ):
        await page.get_by_label("The old one").fill(old)
        await page.get_by_label("The new one").fill(first)
        await page.get_by_label("The same again").fill(again)
        await press(page, "Change it")
        await reader.told(told)
    assert await town.house.hub.pool.fetchval("SELECT password_hash FROM console_people") == before
    await page.get_by_label("The old one").fill(PASSWORD)
    await page.get_by_label("The new one").fill(NEW)
    await page.get_by_label("The same again").fill(NEW)
    await press(page, "Change it")
    await reader.told("The password is another one now. You are signed out everywhere else.")
    await expect(page.get_by_role("button", name="End it")).to_have_count(1)
    assert await town.house.hub.pool.fetchval("SELECT password_hash FROM console_people") != before
    await is_out(other)


async def test_somebody_sees_to_their_own_password_and_sessions(dsn: str, browse: Browse, look: Look) -> None:
    async with (
        a_town(dsn, worker=False, pulled=False) as town,
        browse(town, Role.VIEWER) as reader,
        look(town.hub_url) as other,
    ):
        page, login = reader.page, "viewer-acme"
        other.expects("status of 401")
        await is_out(other)
        await sign_in(other, login)
        await is_in(other, login)
        await page.get_by_role("link", name=login).click()
        sessions = page.get_by_role("row").filter(has=page.get_by_role("button", name="End it"))
        await expect(sessions).to_have_count(2)
        await expect(page.get_by_role("link", name="API keys")).to_have_count(0)
        await press(sessions.filter(has_not_text="this one"), "End it")
        await reader.told("That session has ended.")
        await expect(sessions).to_have_count(1)
        await is_out(other)
        await sign_in(other, login)
        await is_in(other, login)
        await change_the_password(reader, other, town)
        await sign_in(other, login)
        await expect(other.page.get_by_role("alert")).to_contain_text("is wrong")
        await sign_in(other, login, NEW)
        await is_in(other, login)
        await other.page.get_by_role("link", name=login).click()
        await press(other.page.get_by_role("row").filter(has_text="● this one"), "End it")
        await sign_in(other, login, NEW)
        await is_in(other, login)
        everywhere = page.get_by_role("button", name="Sign out everywhere")
        assert await reader.asked(everywhere, sure=False) == "Sign out everywhere, here too?"
        await is_in(reader, login)
        await reader.asked(everywhere)
        await expect(page).to_have_url(DOOR)
        await is_out(other)
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM console_sessions") == 0
        assert (login, "sign_out_everywhere", "done") in await deeds(town)


# --- keys -----------------------------------------------------------------------------------------------------


async def test_a_key_is_made_shown_once_and_revoked(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town, browse(town, Role.DEVELOPER) as reader:
        page, made = reader.page, reader.page.get_by_role("row").filter(has_text="the till's board")
        await page.get_by_role("link", name="developer-acme").click()
        await page.get_by_role("link", name="API keys").click()
        await expect(page.get_by_role("checkbox", name=re.compile("^admin: "))).to_have_count(
            0
        )  # nobody gives more than they have
        await page.get_by_label("Name").fill("the till's board")
        await page.get_by_label("Days until it ends").fill("soon")
        await page.get_by_role("checkbox", name=re.compile("^stores: ")).check()
        await press(page, "Make the key")
        await reader.told("Days are a whole number.")
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM admin_keys") == 0
        await expect(page).to_have_url(f"{town.hub_url}/console/keys")
        await page.get_by_label("Name").fill("the till's board")
        await page.get_by_label("Days until it ends").fill("30")
        await page.get_by_role("checkbox", name=re.compile("^stores: ")).check()
        await press(page, "Make the key")
        await expect(page.get_by_role("main")).to_contain_text("For acme; it may read, stores.")
        key = await page.locator("pre.secret").inner_text()
        assert await faults_of(page) == []
        await page.get_by_role("link", name="Done").click()
        await expect(made).to_contain_text(re.compile("✓ good until"))
        assert key not in await page.content()
        [row] = await town.house.hub.pool.fetch("SELECT expires_at - created_at AS good_for, scopes FROM admin_keys")
        assert (row["good_for"].days, sorted(row["scopes"])) == (30, ["read", "stores"])
        assert (await ask(town, "GET", "/admin/v1/stores", token=key)).status == 200
        revoke = made.get_by_role("button", name="Revoke")
        assert "Programs that use it are refused at once." in await reader.asked(revoke, sure=False)
        assert (await ask(town, "GET", "/admin/v1/stores", token=key)).status == 200
        await reader.asked(revoke)
        await reader.told("The key the till's board is revoked.")
        await expect(made).to_contain_text("✕ revoked")
        await expect(revoke).to_have_count(0)
        assert (await ask(town, "GET", "/admin/v1/stores", token=key)).status == 401
        assert [call for who, call, _ in await deeds(town) if who == "developer-acme"][-2:] == ["add_key", "revoke_key"]


# --- through somebody else ------------------------------------------------------------------------------------


async def test_people_come_in_through_a_provider_on_another_site(dsn: str, look: Look) -> None:
    async with (
        a_provider() as provider,
        a_town(dsn, worker=False, settings=settings(provider)) as town,
        look(town.hub_url) as ana,
        look(town.hub_url) as stranger,
    ):
        there = provider.issuer.replace("127.0.0.1", "localhost")  # which is no site of the hub's
        provider.discovery = {"authorization_endpoint": f"{there}/authorize"}
        for one in (ana, stranger):
            one.expects(rf"a request to {re.escape(there)}/authorize\?", "status of 401")
        secret = await people.invite(town.house.hub, ORGANIZATION, Role.OPERATOR, "a test")
        await ana.open(f"/console/join/{secret}")
        await ana.page.get_by_role("link", name="Come in through Brand ID").click()
        await is_in(ana, "ana@brand.example")
        assert await person(town, "ana@brand.example") == (ORGANIZATION, "operator", True)
        [cookie] = [one for one in await ana.page.context.cookies(f"{town.hub_url}/console") if one["name"] == SESSION]
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
        await press(ana.page, "Sign out")
        await ana.open("/console/orders")
        through = ana.page.get_by_role("link", name="Sign in through Brand ID")
        await through.click()
        await expect(ana.page).to_have_url(f"{town.hub_url}/console/orders")
        await is_in(ana, "ana@brand.example")
        await press(ana.page, "Sign out")
        provider.person["deny"] = True
        await through.click()
        await expect(ana.page.get_by_role("alert")).to_contain_text("Brand ID did not let you in")
        provider.person = {"sub": "0999", "email": "ana@brand.example", "email_verified": True}
        await stranger.open("/console")
        await stranger.page.get_by_role("link", name="Sign in through Brand ID").click()
        await expect(stranger.page.get_by_role("alert")).to_contain_text("this hub does not")
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM console_sessions") == 0
        told = [(call, outcome) for who, call, outcome in await deeds(town) if who == "ana@brand.example"]
        assert told[:2] == [("join", "through Brand ID"), ("sign_in", "through Brand ID")]
