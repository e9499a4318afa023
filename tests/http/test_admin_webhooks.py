"""What an operator's program does with webhook endpoints and dead letters: batch by batch, and only with its own."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from asking import a_key, ask, credentials
from builders import ORGANIZATION, a_store
from heard.clients.admin import AdminClient, AdminError, operations, wire, wire_webhooks
from heard.domain.ids import MarketplaceId, OrganizationId, VenueId
from heard.domain.stores import ConnectorKind
from heard.engine.add_parties import add_marketplace, add_store, connect_store
from heard.engine.pause_store import pause_store, resume_store
from heard.http.app import make_app, make_office
from heard.net.call import Answer, Call
from heard.net.in_process import InProcess
from heard.protocols.admin.auth import SCOPES
from heard.protocols.webhooks.auth import verify
from parties import Town, a_town
from receivers import GOOD, a_receiver

ANOTHER = OrganizationId("another")
SINCE = "2020-01-01T00:00:00Z"


async def an_operator(town: Town, scopes: str = " ".join(SCOPES), of: str = ORGANIZATION) -> AdminClient:
    return AdminClient(town.hub_url, await a_key(town, scopes, of))


async def a_second_organization(town: Town) -> MarketplaceId:
    """With a store and a marketplace that is connected to it."""
    hub = town.house.hub
    now = await hub.now()
    venue_id = VenueId(hub.new_id("ven", now))
    manual = {"pos": None, "connector": ConnectorKind.MANUAL}
    store = a_store(organization_id=ANOTHER, venue_id=venue_id, **manual)
    await add_store(hub, store)
    made = await add_marketplace(hub, ANOTHER, "nosh", "https://nosh.example/another", now)
    await connect_store(hub, venue_id, made.marketplace_id)
    return made.marketplace_id


async def dead_letters(town: Town, count: int) -> list[str]:
    """Events about the stores of every organization, by turns, all dead; the oldest first."""
    hub = town.house.hub
    venues = [VenueId(row["venue_id"]) for row in await hub.pool.fetch("SELECT venue_id FROM stores LIMIT 9")]
    await hub.pool.execute("DELETE FROM deliveries")
    await hub.pool.execute("DELETE FROM events")
    for number in range(count):
        store = await hub.store(venues[number % len(venues)])
        assert store is not None
        if number // len(venues) % 2 == 0:
            await pause_store(hub, store, "staff", "x")
        else:
            await resume_store(hub, store, "staff")
        await asyncio.sleep(0.002)  # ids that were made in another millisecond sort by time
    await hub.pool.execute("UPDATE deliveries SET state = 'dead', next_at = NULL, dead_at = business_now()")
    return [row["event_id"] for row in await hub.pool.fetch("SELECT event_id FROM events ORDER BY event_id LIMIT 99")]


async def due(town: Town) -> list[str]:
    """The events that are due, in the order in which they go out."""
    sql = "SELECT event_id FROM deliveries WHERE state = 'due' ORDER BY next_at LIMIT 99"
    return [row["event_id"] for row in await town.house.hub.pool.fetch(sql)]


async def test_a_replay_goes_on_call_by_call_until_all_is_due_the_oldest_first(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.RESEND_BATCH_MAX", 3)
    async with a_town(dsn, worker=False) as town:
        events = await dead_letters(town, 8)
        async with await an_operator(town) as hub:
            counted = await hub.call(operations.COUNT_REPLAY, since=SINCE)
            assert (counted.count, sum(counted.endpoints.values())) == (8, 8)
            seen: list[list[str]] = []
            after = None
            for _ in range(9):
                batch = await hub.call(operations.REPLAY, wire_webhooks.Replay(since=SINCE, after=after))
                seen.append(await due(town))
                after = batch.next
                if after is None:
                    break
            assert [len(one) for one in seen] == [2, 4, 6, 8]  # a batch ends between two moments
            assert seen[-1] == events
            assert (await hub.call(operations.COUNT_REPLAY, since=SINCE)).count == 0


async def test_one_cursor_leads_through_every_organization_for_who_may_see_all(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off anywhere, nothing of the one is left out because the other was further."""
    monkeypatch.setattr("heard.limits.RESEND_BATCH_MAX", 4)
    async with a_town(dsn, worker=False) as town:
        await a_second_organization(town)
        events = await dead_letters(town, 10)
        hub = AdminClient("http://here", None, carrier=InProcess(make_office(town.house.hub)))
        first = await hub.call(operations.REPLAY, wire_webhooks.Replay(since=SINCE))
        assert first.next is not None
        assert sorted(await due(town)) == events[: first.resent]
        sent, after = first.resent, first.next
        while after is not None:
            batch = await hub.call(operations.REPLAY, wire_webhooks.Replay(since=SINCE, after=after))
            sent, after = sent + batch.resent, batch.next
        assert (sent, sorted(await due(town))) == (10, events)


async def test_a_replay_reaches_only_what_the_key_may_see(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        theirs = await a_second_organization(town)
        await dead_letters(town, 6)
        async with await an_operator(town) as hub:
            wish = wire_webhooks.Replay(since=SINCE)
            assert (await hub.call(operations.REPLAY, wish)).resent == 3
            sql = "SELECT DISTINCT organization_id FROM deliveries WHERE state = 'due'"
            assert [row["organization_id"] for row in await town.house.hub.pool.fetch(sql)] == [ORGANIZATION]
            with pytest.raises(AdminError) as caught:
                await hub.call(operations.REPLAY, wire_webhooks.Replay(since=SINCE, marketplace=theirs))
            assert caught.value.code == "unknown_marketplace"
            endpoint_id = await town.house.hub.pool.fetchval(
                "SELECT endpoint_id FROM endpoints WHERE organization_id = $1", ANOTHER
            )
            for operation, body in (
                (operations.REMOVE_ENDPOINT, None),
                (operations.ROTATE_ENDPOINT_SECRET, wire.RotateSecret()),
                (operations.ENABLE_ENDPOINT, None),
            ):
                with pytest.raises(AdminError) as caught:
                    await hub.call(operation, body, endpoint_id=endpoint_id)  # type: ignore[arg-type]
                assert caught.value.code == "unknown_endpoint"


async def test_with_no_endpoint_enabled_a_replay_says_so_and_what_dies_can_be_had_since_the_trouble_began(
    dsn: str,
) -> None:
    async with a_town(dsn, worker=False) as town, await an_operator(town) as hub:
        await dead_letters(town, 2)
        await town.house.hub.pool.execute("UPDATE deliveries SET dead_at = business_now() - interval '1 day'")
        [endpoint] = (await hub.call(operations.LIST_ENDPOINTS, marketplace="nosh")).endpoints
        named = {"endpoint_id": endpoint.endpoint_id}
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        await pause_store(town.house.hub, store, "staff", "again")
        await hub.call(operations.DISABLE_ENDPOINT, wire_webhooks.DisableEndpoint(reason="it moves"), **named)
        with pytest.raises(AdminError, match="No endpoint is enabled") as caught:
            await hub.call(operations.REPLAY, wire_webhooks.Replay(since=SINCE))
        assert (caught.value.status, caught.value.code) == (409, "order_conflict")
        back = await hub.call(operations.ENABLE_ENDPOINT, **named)
        assert (back.enabled, back.new, back.trouble_since is not None) == (True, True, True)
        wish = wire_webhooks.Replay(since=SINCE, dead_since=back.trouble_since, **named)
        assert (await hub.call(operations.REPLAY, wish)).resent == 1  # what died before the trouble stays dead


async def test_a_new_endpoint_is_told_with_its_own_secret_and_gone_once_it_is_removed(dsn: str) -> None:
    async with a_receiver(lambda _: GOOD) as receiver, a_town(dsn) as town, await an_operator(town) as hub:
        wish = wire_webhooks.NewEndpoint(marketplace=credentials(town)["client_id"], url=receiver.url)
        made = await hub.call(operations.ADD_ENDPOINT, wish)
        assert made.webhook_secret not in repr(made)
        named = {"endpoint_id": made.endpoint_id}
        rotated = await hub.call(operations.ROTATE_ENDPOINT_SECRET, wire.RotateSecret(keep_old_hours=1), **named)
        assert rotated.webhook_secret not in repr(rotated)
        await town.send("A-1")
        for heard in await receiver.until("order.completed"):
            for secret in (made.webhook_secret, rotated.webhook_secret):
                verify(heard.headers, heard.body, [secret], datetime.now(UTC))
        event = await hub.call(operations.READ_EVENT, event_id=receiver.heard[0].id)
        assert event.event.body == json.loads(receiver.heard[0].body)
        assert {one.state for one in event.deliveries} == {"delivered"}
        assert {one.status for one in event.attempts if one.endpoint_id == made.endpoint_id} == {204}
        only = wire_webhooks.ResendEvent(endpoint_id=made.endpoint_id)
        assert (await hub.call(operations.RESEND_EVENT, only, event_id=event.event.event_id)).resent == 1
        gone = await hub.call(operations.REMOVE_ENDPOINT, **named)
        assert gone.url == receiver.url
        with pytest.raises(AdminError) as caught:
            await hub.call(operations.ENABLE_ENDPOINT, **named)
        assert caught.value.code == "unknown_endpoint"
        for path in ("endpoints", f"events/{event.event.event_id}"):
            answer = await ask(town, "GET", f"/admin/v1/webhooks/{path}", token=await a_key(town, "read"))
            assert b"whsec_" not in answer.body


# --- who is let in without a key ----------------------------------------------------------------------------


async def test_no_request_over_a_socket_is_taken_for_the_local_operators(dsn: str) -> None:
    """`heard serve` serves make_app; what lets a command in is not in it, whatever a header says."""
    async with a_town(dsn, worker=False, pulled=False) as town:
        claims: dict[str, Any] = {"x_key_id": "local", "x_forwarded_for": "127.0.0.1", "host": "here"}
        for headers in ({}, claims, {**claims, "authorization": "Bearer local"}):
            assert (await ask(town, "GET", "/admin/v1/orders", **headers)).status == 401
        served = AdminClient("http://here", None, carrier=InProcess(make_app(town.house.hub, town.house.outbound)))
        with pytest.raises(AdminError) as caught:
            await served.call(operations.LIST_ORDERS)
        assert caught.value.code == "invalid_token"
        office = AdminClient("http://here", None, carrier=InProcess(make_office(town.house.hub)))
        assert (await office.call(operations.LIST_ORDERS)).orders == []
        answer = await InProcess(make_office(town.house.hub)).send(
            Call("GET", "http://here/link/v2/orders", {}, None, 5.0, 1 << 20)
        )
        assert isinstance(answer, Answer)
        assert answer.status == 404
