"""What is revoked is refused at once by every process that serves, and nobody remembers what he cannot unlearn."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from asking import FORM, a_token, ask, ask_token, credentials
from builders import ORGANIZATION
from heard import limits
from heard.bootstrap import House, open_house, serve_hub
from heard.engine import change_client
from heard.engine.add_parties import add_marketplace
from heard.engine.hub import Client
from heard.engine.link_tokens import issue_token
from heard.engine.passes import Passes, hear_revocations
from heard.net.call import Answer, Call
from heard.net.listening import listening
from heard.protocols.credentials import OAuthRefused, hash_secret
from heard.protocols.link.forms import TokenRequest
from heard.sandbox.pos import Pace
from lengths import patience
from parties import Town, a_town

ORDER, REVOKE = "/link/v2/orders/ord_none", "/link/v2/oauth/revoke"
LISTENING = (
    "FROM pg_stat_activity WHERE query ~ '^LISTEN|^SELECT 1$' AND state = 'idle'"
    " AND datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture(autouse=True)
def _nothing_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a test: a pass is refused because its revocation was heard of."""
    monkeypatch.setattr(limits, "PASS_CACHE_S", 600.0)


@asynccontextmanager
async def another_hub(town: Town) -> AsyncIterator[tuple[House, str]]:
    """A second process's hub on the town's database, with its address."""
    with listening("127.0.0.1", 0) as bound:
        async with open_house(town.house.config) as house:
            serving = asyncio.create_task(serve_hub(house, bound))
            try:
                yield house, f"http://127.0.0.1:{bound.getsockname()[1]}"
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)


async def status_of(town: Town, token: str, base: str | None = None) -> int:
    """401: the token is no good; 404: it is, and there is no such order."""
    headers = {"authorization": f"Bearer {token}"}
    answer = await town.house.outbound.send(Call("GET", (base or town.hub_url) + ORDER, headers, None, 10.0, 1 << 16))
    assert isinstance(answer, Answer)
    return answer.status


async def revoke(town: Town, token: str, **more: str) -> int:
    form = "&".join(f"{name}={value}" for name, value in {**credentials(town), "token": token, **more}.items())
    return (await ask(town, "POST", REVOKE, form.encode(), content_type=FORM)).status


async def until_heard(house: House) -> None:
    """Until a process remembers what it looks up, which it does while it hears of revocations."""
    async with patience():
        while not house.hub.tokens._hears:
            await asyncio.sleep(0.01)


async def remembered(town: Town, house: House, token: str, base: str) -> None:
    """Have a process remember a token."""
    await until_heard(house)
    assert await status_of(town, token, base) == 404
    assert house.hub.tokens._known.get(hash_secret(token)) is not None


async def refused(town: Town, token: str, base: str) -> None:
    async with patience():
        while await status_of(town, token, base) != 401:
            await asyncio.sleep(0.01)


# --- the call ---------------------------------------------------------------------------------------------


async def test_a_revoked_token_is_refused_at_once_where_it_was_revoked_and_elsewhere(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town, another_hub(town) as (house, base):
        gone, kept = await a_token(town), await a_token(town)
        for token in (gone, kept):
            await remembered(town, town.house, token, town.hub_url)
            await remembered(town, house, token, base)
        assert await revoke(town, gone, token_type_hint="access_token") == 200
        assert await status_of(town, gone) == 401
        await refused(town, gone, base)
        assert await status_of(town, kept) == await status_of(town, kept, base) == 404


async def test_every_wellformed_revocation_is_answered_alike(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        token = await a_token(town)
        assert await revoke(town, "hat_never_given_out") == 200
        assert await revoke(town, "x" * 5000) == 200
        assert await revoke(town, token, token_type_hint="refresh_token") == 200
        assert await revoke(town, token) == 200  # again
        assert await status_of(town, token) == 401
        form = f"token={token}".encode()
        assert (await ask(town, "POST", REVOKE, form, content_type=FORM)).status == 401
        assert (await ask(town, "POST", REVOKE, form)).status == 400


async def test_another_clients_token_stays_good(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        made = await add_marketplace(hub, ORGANIZATION, "gobble", "http://127.0.0.1:9/", await hub.now())
        token = await a_token(town)
        theirs = {"client_id": made.marketplace_id, "client_secret": made.client_secret}
        assert await revoke(town, token, **theirs) == 200
        assert await status_of(town, token) == 404


# --- the operator -----------------------------------------------------------------------------------------


async def test_all_tokens_of_a_marketplace_are_ended_and_it_may_ask_for_another(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town, another_hub(town) as (house, base):
        tokens = [await a_token(town) for _ in range(3)]
        for token in tokens:
            await remembered(town, town.house, token, town.hub_url)
        marketplace, count = await change_client.revoke_tokens(house.hub, None, "nosh")
        assert (marketplace.name, count) == ("nosh", 3)
        for token in tokens:
            assert await status_of(town, token, base) == 401
            await refused(town, token, town.hub_url)
        assert await status_of(town, await a_token(town), base) == 404


async def test_a_disabled_marketplace_is_shut_out_while_its_orders_end_and_are_told(dsn: str) -> None:
    async with a_town(dsn, pace=Pace(start_s=0.3, cook_s=0.3, hand_over_s=0.3)) as town:
        hub, order_id, token = town.house.hub, await town.send("A-1"), await a_token(town)
        await remembered(town, town.house, token, town.hub_url)
        assert (await change_client.disable_client(hub, None, "nosh"))[1] is True
        assert await status_of(town, token) == 401
        refused = await ask_token(town, grant_type="client_credentials", **credentials(town))
        assert refused.status == 401
        assert (await town.told(order_id, "order.completed"))[-1] == "order.completed"
        assert (await change_client.disable_client(hub, None, "nosh"))[1] is False
        assert (await change_client.enable_client(hub, None, "nosh"))[1] is True
        assert await status_of(town, token) == 401  # what it had has ended
        assert await status_of(town, await a_token(town)) == 404


async def test_a_token_that_was_being_given_out_meanwhile_is_ended_too(dsn: str) -> None:
    """Whoever asks again and again while its client is shut out has nothing that is good once it is let in again."""
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, own, given = town.house.hub, credentials(town), list[str]()
        asked = TokenRequest(own["client_id"], own["client_secret"])

        async def ask_on() -> None:
            with suppress(OAuthRefused):
                for _ in range(200):
                    given.append((await issue_token(hub, asked))[0])

        asking = [asyncio.create_task(ask_on()) for _ in range(8)]
        while len(given) < 20:
            await asyncio.sleep(0)
        await change_client.disable_client(hub, None, "nosh")
        await asyncio.gather(*asking)
        assert 20 <= len(given) < 8 * 200  # it came in between
        await change_client.enable_client(hub, None, "nosh")
        assert await hub.pool.fetchval("SELECT count(*) FROM access_tokens") == 0
        assert {await status_of(town, token) for token in given[-10:]} == {401}


async def test_a_scope_that_is_taken_away_is_taken_from_the_tokens_too(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, token = town.house.hub, await a_token(town, "orders events")
        await remembered(town, town.house, token, town.hub_url)
        _, scopes = await change_client.set_scopes(hub, None, "nosh", ["events", "menus"])
        assert scopes == ("menus", "events")
        assert await status_of(town, token) == 403
        form = {"grant_type": "client_credentials", **credentials(town)}
        assert (await ask_token(town, **form, scope="orders")).status == 400
        assert b'"scope":"menus events"' in (await ask_token(town, **form)).body
        await change_client.set_scopes(hub, None, "nosh", ["orders"])
        assert await status_of(town, token) == 404


async def test_both_secrets_are_good_while_one_is_changed_and_tokens_stay_good(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, old, token = town.house.hub, credentials(town), await a_token(town)
        grant = {"grant_type": "client_credentials"}
        first = await change_client.rotate_secret(hub, None, "nosh", 24)
        assert first.old_until is not None
        assert "hcs_" not in repr(first)
        second = {**old, "client_secret": first.client_secret}
        assert (await ask_token(town, **grant, **old)).status == (await ask_token(town, **grant, **second)).status
        assert await status_of(town, token) == 404
        third = (await change_client.rotate_secret(hub, None, "nosh", 24)).client_secret
        assert (await ask_token(town, **grant, **old)).status == 401  # of two old ones, the older is good no more
        assert (await ask_token(town, **grant, **second)).status == 200
        await hub.pool.execute("UPDATE clock SET \"offset\" = interval '24 hours 1 second'")
        assert (await ask_token(town, **grant, **second)).status == 401
        assert (await ask_token(town, **grant, **{**old, "client_secret": third})).status == 200


async def test_a_token_ends_by_business_time(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        token = await a_token(town)
        await town.house.hub.pool.execute(f"UPDATE clock SET \"offset\" = interval '{limits.TOKEN_TTL_S - 5} s'")
        assert await status_of(town, token) == 404
        town.house.hub.forget(hash_secret(token).hex())
        await town.house.hub.pool.execute(f"UPDATE clock SET \"offset\" = interval '{limits.TOKEN_TTL_S} s'")
        assert await status_of(town, token) == 401


# --- hearing ----------------------------------------------------------------------------------------------


async def test_a_process_that_does_not_hear_remembers_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, token = town.house.hub, await a_token(town)
        await remembered(town, town.house, token, town.hub_url)
        before = hub.tokens._heard
        await hub.pool.execute(f"SELECT pg_terminate_backend(pid) {LISTENING}")
        async with patience():
            while hub.tokens._heard == before:
                await asyncio.sleep(0.001)
        assert not hub.tokens._hears
        assert await status_of(town, token) == 404
        await hub.pool.execute("DELETE FROM access_tokens")  # and nobody says so
        assert await status_of(town, token) == 401
        await until_heard(town.house)  # it listens again by itself
        await remembered(town, town.house, await a_token(town), town.hub_url)


async def test_a_connection_that_listens_and_hears_nothing_is_no_listening(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a pooler that shares connections out: LISTEN is answered, and what is said comes to somebody else."""
    monkeypatch.setattr(limits, "PASS_PING_S", 0.2)
    async with a_town(dsn, worker=False, pulled=False) as town, another_hub(town) as (house, _):
        hub = house.hub

        async def connect_elsewhere() -> "asyncpg.Connection[asyncpg.Record]":
            return await asyncpg.connect(dsn, database="postgres")

        monkeypatch.setattr(hub, "connect_apart", connect_elsewhere)
        with pytest.raises(TimeoutError):
            await hear_revocations(hub)
        assert not hub.tokens._hears


async def test_a_connection_that_has_fallen_silent_is_no_listening(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the network between has died: nothing is said of it, and nothing is heard any more."""
    monkeypatch.setattr(limits, "PASS_PING_S", 0.3)
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, token = town.house.hub, await a_token(town)
        await remembered(town, town.house, token, town.hub_url)
        pid = await hub.pool.fetchval(f"SELECT pid {LISTENING}")
        os.kill(pid, signal.SIGSTOP)
        try:
            async with patience():
                while hub.tokens._hears:
                    await asyncio.sleep(0.01)
            assert hub.tokens._known.get(hash_secret(token)) is None
            assert await status_of(town, token) == 404
            await hub.pool.execute("DELETE FROM access_tokens")  # and nobody can hear of it
            assert await status_of(town, token) == 401
        finally:
            os.kill(pid, signal.SIGCONT)
        await until_heard(town.house)


async def test_what_is_remembered_is_looked_up_again_before_long(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second net, for a revocation that is never heard."""
    monkeypatch.setattr(limits, "PASS_CACHE_S", 1.5)
    async with a_town(dsn, worker=False, pulled=False) as town:
        token = await a_token(town)
        await remembered(town, town.house, token, town.hub_url)
        await town.house.hub.pool.execute("DELETE FROM access_tokens")
        await refused(town, token, town.hub_url)


async def test_what_was_being_looked_up_while_it_was_revoked_is_not_remembered() -> None:
    passes: Passes[Client] = Passes()
    passes.hears(True)
    client = Client(ORGANIZATION, "mkt_1", frozenset({"orders"}))  # type: ignore[arg-type]
    asked = 0

    async def look_up(revoked: str | None) -> tuple[Client, float]:
        nonlocal asked
        asked += 1
        if revoked is not None:
            passes.forget(revoked)  # after the row was read
        return client, 60.0

    token_hash = hash_secret("hat_1")
    for word in (token_hash.hex(), "mkt_1", hash_secret("hat_2").hex()):
        assert await passes.holder(token_hash, lambda word=word: look_up(word)) is client  # type: ignore[misc]
    assert asked == 3
    assert await passes.holder(token_hash, lambda: look_up(None)) is client
    assert await passes.holder(token_hash, lambda: look_up(None)) is client
    assert asked == 4
    passes.hears(False)
    for _ in range(2):
        assert await passes.holder(token_hash, lambda: look_up(None)) is client
    assert asked == 6
    passes.forget("mkt_1")
    passes.forget("")
    passes.forget("a word of a newer hub: nothing here has it")
