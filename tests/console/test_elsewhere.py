"""Coming in through somebody else: who is proven to be one of ours comes in, and nobody else does, however they try."""

import re
from typing import Any

import pytest

from builders import ORGANIZATION
from heard.bootstrap import StartError
from heard.domain.people import EVERYTHING, Role
from heard.engine import people
from heard.net.call import Answer, Call
from heard.storage import people as rows
from oidc_provider import a_provider, new_key, settings
from parties import Town, a_town
from visiting import Guest, a_guest, deeds

SIGN_IN = "/console/sign-in"
THERE = SIGN_IN + "/elsewhere"


async def at_the_provider(town: Town, answer: Answer) -> str:
    """Where the provider leads the browser that we sent to it: a path of ours."""
    assert answer.status == 303, (answer.status, answer.body)
    call = Call("GET", answer.headers["location"], {}, None, 10.0, 1 << 16)
    led = await town.house.outbound.send(call)
    assert isinstance(led, Answer)
    assert led.status == 302, led.body
    back = led.headers["location"]
    assert back.startswith(town.hub_url + THERE + "/back?")
    return back.removeprefix(town.hub_url)


async def tries(town: Town, guest: Guest, begin: str = THERE) -> Answer:
    """Go there, come back: what the hub says to that."""
    return await guest.get(await at_the_provider(town, await guest.get(begin)))


async def a_link(town: Town, role: Role = Role.OPERATOR) -> str:
    secret = await people.invite(town.house.hub, ORGANIZATION, role, "a test")
    return f"/console/join/{secret}/elsewhere"


async def test_somebody_with_a_link_joins_through_the_provider_and_signs_in_there_from_then_on(dsn: str) -> None:
    async with a_provider() as provider, a_town(dsn, worker=False, settings=settings(provider)) as town:
        guest, link = Guest(town), await a_link(town)
        await guest.get(link.removesuffix("/elsewhere"))
        assert "Come in through Brand ID" in guest.text
        await guest.follow(await tries(town, guest, link))
        assert "Attention" in guest.text
        provider.person["email"] = "another@brand.example"  # a name may change, who it is does not
        again = Guest(town)
        await again.get(SIGN_IN + "?to=/console/orders")
        assert "Sign in through Brand ID" in again.text
        led = await tries(town, again, THERE + "?to=/console/orders")
        assert led.headers["location"] == "/console/orders"
        await again.follow(led)
        assert "ana@brand.example" in again.text
        through = "through Brand ID"
        assert await deeds(town) == [
            ("a test", "invite", "done"),
            ("ana@brand.example", "join", through),
            ("ana@brand.example", "sign_in", through),
        ]
        gone = await guest.get(link)
        assert gone.status == 404  # a link is good once


async def test_who_is_known_there_and_not_here_stays_out(dsn: str) -> None:
    async with a_provider() as provider, a_town(dsn, worker=False, settings=settings(provider)) as town:
        await a_guest(town, login="ana@brand.example")  # a name that is the same is no proof
        guest = Guest(town)
        answer = await tries(town, guest)
        assert (answer.status, "this hub does not" in guest.text) == (401, True)
        assert "heard_session" not in guest.cookies
        answer = await tries(town, guest, await a_link(town))
        assert (answer.status, "is somebody's here" in guest.text) == (401, True)
        assert "heard_session" not in guest.cookies


async def test_one_of_ours_comes_in_there_by_a_link_to_their_login(dsn: str) -> None:
    async with a_provider() as provider, a_town(dsn, worker=False, settings=settings(provider)) as town:
        await a_guest(town, login="ana")
        hub, guest = town.house.hub, Guest(town)
        async with hub.connection() as connection:
            person = await rows.find_login(connection, "ana")
        assert person is not None
        link = f"/console/join/{await people.invite_again(hub, person, person)}/elsewhere"
        await guest.follow(await tries(town, guest, link))
        await guest.get("/console/people/me")
        assert "ana" in guest.text
        assert "brand.example" not in guest.text
        assert (await deeds(town))[-1] == ("ana", "bind_identity", "through Brand ID")


async def test_everybody_there_joins_where_the_operator_says_so(dsn: str) -> None:
    async with a_provider() as provider:
        said = settings(provider, HEARD_OIDC_JOINS_AS="viewer")
        async with a_town(dsn, worker=False, settings=said) as town:
            guest = Guest(town)
            await guest.follow(await tries(town, guest))
            assert "Attention" in guest.text
            assert (await guest.get("/console/people")).status == 403
            whose = await town.house.hub.pool.fetchval("SELECT organization_id FROM console_people")
            assert whose == EVERYTHING


async def test_who_is_shut_out_here_stays_out_whatever_the_provider_says(dsn: str) -> None:
    async with a_provider() as provider, a_town(dsn, worker=False, settings=settings(provider)) as town:
        guest = Guest(town)
        await guest.follow(await tries(town, guest, await a_link(town)))
        await town.house.hub.pool.execute("UPDATE console_people SET disabled_at = business_now()")
        answer = await tries(town, guest := Guest(town))
        assert (answer.status, "You are shut out" in guest.text) == (401, True)
        assert "heard_session" not in guest.cookies


async def test_a_try_is_good_in_the_browser_that_began_it_once(dsn: str) -> None:
    async with a_provider() as provider:
        said = settings(provider, HEARD_OIDC_JOINS_AS="operator")
        async with a_town(dsn, worker=False, settings=said) as town:
            mine, theirs = Guest(town), Guest(town)
            back = await at_the_provider(town, await mine.get(THERE))
            # Whoever is led to it in another browser does not come in as me, with or without a try of their own.
            assert (await theirs.get(back)).status == 401
            await theirs.get(THERE)
            assert (await theirs.get(back)).status == 401
            forged = re.sub("state=[^&]*", "state=x", back)
            assert (await mine.get(forged)).status == 401
            mine.cookies.clear()
            for kept in ("", "none", "Z" * 400, "%", "\u00e4"):
                mine.cookies["heard_try"] = kept.encode("ascii", "replace").decode()
                assert (await mine.get(back)).status == 401
            back = await at_the_provider(town, await mine.get(THERE))
            await town.house.hub.pool.execute("""UPDATE clock SET "offset" = interval '11 minutes'""")
            assert (await mine.get(back)).status == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"aud": "somebody-else"},
        {"aud": ["heard:console", "somebody-else"]},
        {"azp": "somebody-else"},
        {"nonce": "of another try"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": 4_000_000_000, "exp": 4_000_000_300},
        {"iat": None},
        {"nbf": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": "0" * 256},
    ],
    ids=lambda changes: "-".join(f"{name}={value!s:.20}" for name, value in changes.items()),
)
async def test_a_token_that_proves_nobody_lets_nobody_in(dsn: str, changes: dict[str, Any]) -> None:
    async with a_provider() as provider:
        said = settings(provider, HEARD_OIDC_JOINS_AS="admin")
        async with a_town(dsn, worker=False, pulled=False, settings=said) as town:
            provider.changes = changes
            guest = Guest(town)
            answer = await tries(town, guest)
            assert (answer.status, "did not prove who you are" in guest.text) == (401, True), guest.text
            provider.changes = {}
            await guest.follow(await tries(town, guest))  # and it was this that it was refused for
            assert "Attention" in guest.text


async def test_a_token_that_others_have_signed_lets_nobody_in(dsn: str) -> None:
    async with a_provider() as provider:
        said = settings(provider, HEARD_OIDC_JOINS_AS="admin")
        async with a_town(dsn, worker=False, pulled=False, settings=said) as town:
            provider.signs_with = new_key()
            guest = Guest(town)
            assert (await tries(town, guest)).status == 401
            provider.algorithm, provider.signs_with = "HS256", "a secret that is as long as such keys are to be"
            assert (await tries(town, guest)).status == 401
            provider.algorithm, provider.signs_with = "none", ""
            assert (await tries(town, guest)).status == 401
            provider.algorithm, provider.signs_with = "RS256", None
            assert (await tries(town, guest)).status == 303


async def test_keys_that_change_are_fetched_again_and_not_for_everybody_who_asks(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_provider() as provider:
        said = settings(provider, HEARD_OIDC_JOINS_AS="viewer")
        async with a_town(dsn, worker=False, pulled=False, settings=said) as town:
            assert (await tries(town, Guest(town))).status == 303
            provider.key, provider.key_id = new_key(), "two"
            assert (await tries(town, Guest(town))).status == 401
            monkeypatch.setattr("heard.limits.OIDC_KEYS_AGAIN_S", 0.0)
            assert (await tries(town, Guest(town))).status == 303
            assert provider.calls == ["discovery", "token", "keys", "token", "token", "keys"]


async def test_a_secret_goes_in_the_body_where_the_provider_takes_it_only_there(dsn: str) -> None:
    async with a_provider() as provider:
        provider.discovery = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        said = settings(provider, HEARD_OIDC_JOINS_AS="viewer")
        async with a_town(dsn, worker=False, pulled=False, settings=said) as town:
            assert (await tries(town, Guest(town))).status == 303


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "ftp://127.0.0.1/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=str,
)
async def test_a_provider_that_leads_elsewhere_is_not_used(dsn: str, discovery: dict[str, Any]) -> None:
    async with a_provider() as provider:
        provider.discovery = discovery
        async with a_town(dsn, worker=False, pulled=False, settings=settings(provider)) as town:
            guest = Guest(town)
            answer = await guest.get(THERE)
            assert (answer.status, "cannot be reached" in guest.text) == (503, True)


async def test_a_provider_that_is_gone_or_says_no_is_told_and_passwords_go_on(dsn: str) -> None:
    async with a_provider() as provider:
        said = settings(provider, HEARD_OIDC_JOINS_AS="viewer")
        async with a_town(dsn, worker=False, pulled=False, settings=said) as town:
            guest = Guest(town)
            back = await at_the_provider(town, await guest.get(THERE))
            provider.person["deny"] = True
            denied = Guest(town)
            assert (await tries(town, denied)).status == 401
            assert "Brand ID did not let you in" in denied.text
            provider.codes.clear()
            assert (await guest.get(back)).status == 401  # the code is not good any more
            assert "heard_session" in (await a_guest(town)).cookies


async def test_where_nobody_is_named_nothing_of_it_is_there(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        guest = Guest(town)
        await guest.get(SIGN_IN)
        assert "through" not in guest.text
        assert (await guest.get(THERE)).status == 303  # to the door, as any page


async def test_half_of_a_provider_is_refused_by_name(dsn: str) -> None:
    half = {"HEARD_OIDC_ISSUER": "https://login.example", "HEARD_OIDC_CLIENT_ID": "heard"}
    with pytest.raises(StartError, match="HEARD_OIDC_ISSUER is of no use without HEARD_OIDC_CLIENT_SECRET;"):
        async with a_town(dsn, settings=half):
            pass
