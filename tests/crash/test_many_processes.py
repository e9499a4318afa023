"""Three servers and three workers on one PostgreSQL are one hub: what one of them does or is told holds for all."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from storm_ledgers import settle, wrongs
from storm_parties import StormTown, a_storm_town

from builders import ORGANIZATION, a_content
from heard import limits
from heard.bootstrap import open_house
from heard.config import load
from heard.engine.link_tokens import issue_token
from heard.engine.pause_store import pause_store, resume_store
from heard.net.call import Answer, Call
from heard.net.guard import AddressGuard
from heard.net.outbound import Outbound
from heard.protocols.credentials import TokenRequest
from heard.protocols.link.encode import encode_new_order
from lengths import PATIENCE_S, patience

_SERVERS = ("serve-0", "serve-1", "serve-2")
_WORKERS = ("work-0", "work-1", "work-2")
_LEASE_S = 20.0
_SETTLED_WITHIN_S = 3 * _LEASE_S  # a machine that halts may leave no time to give a lease back; then it must run out


@pytest.fixture
async def town(own_folder: Path) -> AsyncIterator[StormTown]:
    """Nobody is killed here: leases that a halting machine does not outlive, or others would do their work again."""
    async with a_storm_town(
        own_folder, random.Random(3), servers=len(_SERVERS), workers=len(_WORKERS), lease_s=_LEASE_S
    ) as made:
        yield made


class Asker:
    """Sends orders in the marketplace's name to each of the servers, with one token."""

    def __init__(self, town: StormTown, outbound: Outbound, token: str) -> None:
        self._town, self._outbound, self._token = town, outbound, token

    async def ask(self, server: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """The status, and the code of a refusal; 0 and why there was no answer."""
        url = f"http://127.0.0.1:{self._town.links[f'marketplace to {server}'].port}/link/v2{path}"
        answer = await self._outbound.send(Call("POST", url, headers, body, 10.0, 1 << 20))
        if not isinstance(answer, Answer):
            return 0, answer.reason
        said = msgspec.json.decode(answer.body) if answer.body else {}
        return answer.status, said.get("code", "")

    async def order(self, server: str) -> tuple[int, str]:
        number, venue_id = f"M-{os.urandom(6).hex()}", self._town.venues[0]
        content = a_content(number, venue_id=venue_id, placed_at=datetime.now(UTC))
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        return await self.ask(server, "/orders", encode_new_order(content), headers)

    async def everywhere(self, expected: tuple[int, str], within_s: float = 0.0) -> None:
        """Every server says this to an order, after so many seconds at most."""
        until = asyncio.get_running_loop().time() + within_s
        for server in _SERVERS:
            while (said := await self.order(server)) != expected:
                assert asyncio.get_running_loop().time() < until, f"{server} says {said}"
                await asyncio.sleep(0.1)


_COUNTED = """
SELECT count(*), count(*) FILTER (WHERE status = 'confirmed'),
    (SELECT count(*) FROM exchanges WHERE peer = 'pos' AND direction = 'out')
FROM orders
"""


async def test_every_process_is_restarted_in_turn_while_orders_flow_and_nobody_notices(town: StormTown) -> None:
    await asyncio.sleep(2)
    for name in (*_SERVERS, *_WORKERS):
        assert await town.parties[name].stop(within_s=PATIENCE_S), f"{name} did not end"
        await asyncio.sleep(0.5)
        await town.recover()
        await asyncio.sleep(1)
    town.end_orders()
    assert await settle(town, _SETTLED_WITHIN_S) == []
    found, ends = await wrongs(town)
    assert found == []
    assert ends["confirmed"] > 20


async def test_the_figures_of_all_processes_add_up(town: StormTown) -> None:
    connection = await town.database()
    async with patience():
        while await connection.fetchval("SELECT count(*) FROM orders") < 30:
            await asyncio.sleep(0.2)
    await connection.close()
    town.end_orders()
    assert await settle(town, _SETTLED_WITHIN_S) == []
    connection = await town.database()
    async with Outbound(AddressGuard(("127.0.0.0/8",))) as outbound, patience():
        before, after, due = (0,), (1,), True
        while before != after or due:  # a kitchen may still go on with one, and is followed
            before = await connection.fetchrow(_COUNTED)
            figures = {name: await scraped(outbound, town.metrics[name]) for name in (*_SERVERS, *_WORKERS)}
            after = await connection.fetchrow(_COUNTED)
            due = any(one["heard_due_age_seconds", frozenset({("work", "deliveries")})] for one in figures.values())
    await connection.close()
    orders, cooking, calls = after

    def total(name: str, **labels: str) -> float:
        return sum(one.get((name, frozenset(labels.items())), 0.0) for one in figures.values())

    assert total("heard_order_steps_total", step="receive", changed="yes") == orders
    assert total("heard_order_steps_total", step="place", changed="yes") >= cooking > 0
    assert (
        sum(total("heard_call_seconds_count", peer="pos", status=str(n)) for n in ("none", *range(200, 600))) == calls
    )
    for one in figures.values():
        assert one["heard_database_up", frozenset()] == 1.0
        labels = {"organization": ORGANIZATION, "channel": "storm", "status": "confirmed"}
        assert one["heard_orders_open", frozenset(labels.items())] == cooking


async def scraped(outbound: Outbound, port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """A process's samples by name and labels."""
    url = f"http://127.0.0.1:{port}/metrics"
    answer = await outbound.send(Call("GET", url, {}, None, 10.0, 1 << 20))
    assert isinstance(answer, Answer)
    assert answer.status == 200
    families = text_string_to_metric_families(answer.body.decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


async def test_what_one_process_is_told_holds_in_all(town: StormTown) -> None:
    town.end_orders()
    made = town.made
    assert made is not None
    config = load({**town.settings, "HEARD_DATABASE_URL": town.server.dsn})
    async with open_house(config) as house, Outbound(AddressGuard(("127.0.0.0/8",))) as outbound:
        store = await house.hub.store(town.venues[0])
        assert store is not None
        wanted = TokenRequest(made.marketplace_id, made.client_secret, ("orders",))
        token, _ = await issue_token(house.hub, wanted)
        asker = Asker(town, outbound, token)
        await asker.everywhere((201, ""), within_s=PATIENCE_S)  # they are just starting

        await pause_store(house.hub, store, "staff", "the oven is off")
        await asker.everywhere((422, "store_not_accepting"))
        await resume_store(house.hub, store, "staff")
        await asker.everywhere((201, ""))

        await town.parties["kit"].kill()  # and nobody starts it again: five calls later, its stores are paused
        async with patience():
            while (await asker.order("serve-0"))[1] != "store_not_accepting":
                await asyncio.sleep(0.3)
        await asker.everywhere((422, "store_not_accepting"))
        await town.recover()
        await asker.everywhere((201, ""), within_s=PATIENCE_S)

        revoked = await asker.ask(
            "serve-1",
            "/oauth/revoke",
            f"token={token}&client_id={made.marketplace_id}&client_secret={made.client_secret}".encode(),
            {"content-type": "application/x-www-form-urlencoded"},
        )
        assert revoked == (200, "")
        await asker.everywhere((401, "invalid_token"), within_s=0.8 * limits.PASS_CACHE_S)  # and not forgotten
