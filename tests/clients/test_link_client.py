"""The marketplace's client against a hub that fails on demand: what is tried again, what is told, what never shows."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clients.fake_hub import CLIENT, SECRET, FakeHub, Fault, Said, a_fake_hub, problem, said
from heard.clients.link import (
    Conflict,
    Customer,
    Forbidden,
    LinkClient,
    LinkError,
    Menu,
    NotFound,
    NotModified,
    Order,
    RequestRefused,
    Unauthorized,
    Unavailable,
    UnknownOutcome,
    item,
    modifier,
    new_order,
)
from lengths import patience

LOCAL = ["127.0.0.0/8"]
PLACED = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def an_order(number: str = "A-1") -> Order:
    burger = item("BURGER", "Burger", 999, quantity=2, modifiers=[modifier("CHEESE", "Cheese", 150)])
    return new_order(number, "ven_000", [burger], tax=190, tip=200, placed_at=PLACED, customer=Customer("Ada"))


@asynccontextmanager
async def a_client(hub: FakeHub, secret: str = SECRET, **options: Any) -> AsyncIterator[LinkClient]:
    async with LinkClient(hub.url, CLIENT, secret, **{"allow": LOCAL, **options}) as client:
        yield client


def orders_sent(hub: FakeHub) -> int:
    return hub.calls.count(("POST", "/link/v2/orders"))


# --- what may be tried again --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/orders", problem(503, "unavailable", retryable=True, headers={"retry-after": "0"})),
        Fault("/orders", problem(429, "rate_limited", retryable=True, headers={"retry-after": "0"})),
        Fault("/orders", Said(502, b"<html>bad gateway</html>")),
        Fault("/orders", problem(500, "internal_error", retryable=True), done=True),
        Fault("/orders", None),
        Fault("/orders", None, done=True),
        Fault("/orders", Said(200, b"<html>welcome to this hotel</html>")),
        Fault("/orders", Said(200, b"x" * (10 * 1024 * 1024)), done=True),
        Fault("/oauth/token", problem(503, "unavailable")),
        Fault("/oauth/token", None),
        Fault("/oauth/token", Said(200, b"{}")),
    ],
    ids=lambda fault: f"{fault.where} {fault.said and (fault.said.status, fault.said.body[:20])} {fault.done}",
)
async def test_an_order_gets_there_through_any_one_fault_and_is_there_once(fault: Fault) -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.faults = [fault]
        accepted = await client.send_order(an_order())
        assert (accepted.order_id, accepted.status) == ("ord_A-1", "PENDING")
        assert accepted.accept_by == datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
        assert list(hub.orders) == ["A-1"]
        assert hub.faults == []


async def test_a_slow_answer_is_not_waited_for_longer_than_was_said_and_the_outcome_is_unknown() -> None:
    async with a_fake_hub() as hub, a_client(hub, timeout_s=0.5) as client:
        hub.faults = [Fault("/orders", said(200, {}), done=True, slow_s=600)]
        async with patience():
            with pytest.raises(UnknownOutcome) as caught:
                await client.send_order(an_order())
        assert (caught.value.code, caught.value.retryable) == ("no_answer", True)
        assert (await client.send_order(an_order())).order_id == "ord_A-1"
        assert list(hub.orders) == ["A-1"]


async def test_an_order_that_may_have_arrived_stays_unknown_whatever_is_said_after() -> None:
    """A 503 says that this try did nothing; it says nothing of the one before."""
    busy = Fault("/orders", problem(503, "unavailable", retryable=True, headers={"retry-after": "60"}))
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.faults = [Fault("/orders", None, done=True), busy]
        with pytest.raises(UnknownOutcome) as caught:
            await client.send_order(an_order())
        assert "503 unavailable" in caught.value.detail
        assert caught.value.retry_after_s == 60
        assert list(hub.orders) == ["A-1"]


async def test_a_hub_that_asks_for_more_patience_than_there_is_gets_none() -> None:
    busy = Fault("/orders", problem(503, "unavailable", retryable=True, headers={"retry-after": "60"}))
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.faults = [busy]
        async with patience():
            with pytest.raises(Unavailable) as caught:
                await client.send_order(an_order())
        assert (caught.value.status, caught.value.retry_after_s) == (503, 60)
        assert orders_sent(hub) == 1


async def test_whoever_has_a_queue_of_their_own_makes_each_call_once() -> None:
    async with a_fake_hub() as hub, a_client(hub, retry=False) as client:
        for answer, kind in ((problem(503, "unavailable"), Unavailable), (None, UnknownOutcome)):
            hub.faults = [Fault("/orders", answer)]
            with pytest.raises(kind):
                await client.send_order(an_order())
        assert orders_sent(hub) == 2
        hub.tokens.clear()
        await client.send_order(an_order())  # another token is no second try


async def test_a_hub_that_is_not_there_is_unavailable_and_nothing_was_sent() -> None:
    async with a_fake_hub() as hub, a_client(hub, timeout_s=0.4) as client:
        await hub.stop()
        with pytest.raises(Unavailable) as caught:
            await client.send_order(an_order())
        assert (caught.value.code, caught.value.retryable, caught.value.status) == ("unreachable", True, None)
        await hub.start()
        assert (await client.send_order(an_order())).order_id == "ord_A-1"


async def test_a_read_that_is_not_answered_is_unavailable_never_unknown() -> None:
    async with a_fake_hub() as hub, a_client(hub, timeout_s=0.5) as client:
        hub.faults = [Fault("/stores", said(200, {}), slow_s=600)]
        with pytest.raises(Unavailable) as caught:
            await client.store("ven_000")
        assert caught.value.code == "no_answer"


# --- what is told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(401, "invalid_token"), Unauthorized),
        (problem(403, "insufficient_scope"), Forbidden),
        (problem(404, "unknown_order"), NotFound),
        (problem(409, "order_conflict"), Conflict),
        (problem(413, "body_too_large"), RequestRefused),
        (problem(422, "store_not_accepting", retryable=True, headers={"retry-after": "30"}), RequestRefused),
        (Said(302, b"", {"location": "http://169.254.169.254/"}), RequestRefused),
        (Said(418, b"\xff\xfe"), RequestRefused),
    ],
)
async def test_what_is_refused_is_told_at_once_as_the_error_for_it(answer: Said, kind: type[LinkError]) -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.faults = [Fault("/orders", answer)] * 2
        with pytest.raises(kind) as caught:
            await client.send_order(an_order())
        assert type(caught.value) is kind
        assert caught.value.status == answer.status
        assert caught.value.retry_after_s == (30 if "retry-after" in answer.headers else None)
        assert caught.value.retryable == ("retry-after" in answer.headers)
        assert orders_sent(hub) == (2 if kind is Unauthorized else 1)


async def test_a_refusal_names_the_places_the_request_and_what_would_be_allowed() -> None:
    places = [{"path": "$.items[0].item_id", "code": "item_unavailable", "message": "Burger cannot be had"}]
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.faults = [Fault("/orders", problem(422, "item_unavailable", errors=places))]
        with pytest.raises(RequestRefused) as caught:
            await client.send_order(an_order())
        assert [(one.path, one.code) for one in caught.value.errors] == [("$.items[0].item_id", "item_unavailable")]
        assert caught.value.request_id == "req_hub"
        assert str(caught.value) == (
            "422 item_unavailable: because of item_unavailable; $.items[0].item_id: Burger cannot be had"
            " (request req_hub)"
        )
        hub.cancels["ord_1"] = problem(409, "illegal_transition", current="READY", allowed=["complete"])
        with pytest.raises(Conflict) as late:
            await client.cancel_order("ord_1", "cancelled_by_guest")
        assert (late.value.current, late.value.allowed) == ("READY", ("complete",))


async def test_a_hub_on_a_private_address_is_only_called_when_that_is_allowed() -> None:
    async with a_fake_hub() as hub, a_client(hub, allow=[]) as client:
        async with patience():
            with pytest.raises(RequestRefused) as caught:
                await client.send_order(an_order())
        assert caught.value.code == "address_refused"
        assert 'allow=["127.0.0.0/8"]' in str(caught.value)
        assert hub.calls == []


@pytest.mark.parametrize(
    ("url", "client_id", "secret"),
    [
        ("hub.example", CLIENT, SECRET),
        ("ftp://hub.example", CLIENT, SECRET),
        ("http://user:pass@hub.example", CLIENT, SECRET),
        ("https://hub.example/?a=b", CLIENT, SECRET),
        ("https://hub.example", "", SECRET),
        ("https://hub.example", CLIENT, ""),
    ],
)
def test_a_client_that_cannot_work_is_not_made(url: str, client_id: str, secret: str) -> None:
    with pytest.raises(ValueError, match=r"url|client_id"):
        LinkClient(url, client_id, secret)


def test_an_order_that_could_be_read_in_two_ways_is_not_made() -> None:
    with pytest.raises(ValueError, match="placed_at: give it a zone"):
        new_order("A-1", "ven_1", [item("BURGER", "Burger", 999)], placed_at=datetime(2026, 3, 14))  # noqa: DTZ001
    with pytest.raises(ValueError, match="by_drone"):
        new_order("A-1", "ven_1", [item("BURGER", "Burger", 999)], fulfillment="by_drone")


def test_the_totals_of_an_order_follow_from_its_lines() -> None:
    totals = an_order().totals
    assert (totals.subtotal, totals.total) == (2 * (999 + 150), 2 * (999 + 150) + 190 + 200)


# --- tokens and secrets -------------------------------------------------------------------------------------


async def test_many_calls_at_once_share_one_token() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.token_delay_s = 0.1
        await asyncio.gather(*(client.send_order(an_order(f"A-{number}")) for number in range(40)))
        assert (hub.token_calls, len(hub.orders)) == (1, 40)


async def test_one_who_stops_waiting_for_the_token_does_not_stop_the_others() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.token_delay_s = 0.2
        first = asyncio.create_task(client.send_order(an_order("A-1")))
        second = asyncio.create_task(client.send_order(an_order("A-2")))
        await asyncio.sleep(0.05)
        first.cancel()
        assert (await second).order_id == "ord_A-2"
        assert hub.token_calls == 1


async def test_a_token_is_renewed_before_its_end() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.token_life_s, asked = 3.0, 0
        while hub.token_calls < 2:
            await client.store("ven_000")
            asked += 1
            await asyncio.sleep(0.05)
        assert hub.calls.count(("GET", "/link/v2/stores/ven_000")) == asked  # none was refused


async def test_a_token_that_was_revoked_is_replaced_once_however_many_calls_notice() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        await client.store("ven_000")
        hub.tokens.clear()
        hub.token_delay_s = 0.05
        await asyncio.gather(*(client.store("ven_000") for _ in range(20)))
        assert hub.token_calls == 2


async def test_a_client_that_is_shut_out_is_told_so_after_two_tries() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.token_life_s = -1.0
        with pytest.raises(Unauthorized) as caught:
            await client.store("ven_000")
        assert (caught.value.code, hub.token_calls) == ("invalid_token", 2)


async def test_only_the_scopes_that_were_asked_for_are_asked_for() -> None:
    async with a_fake_hub() as hub:
        async with a_client(hub, scopes=["orders", "events"]) as client:
            await client.send_order(an_order())
        async with a_client(hub) as client:
            await client.send_order(an_order())
        assert [form.get("scope") for form in hub.forms] == ["orders events", None]


def report(error: BaseException) -> str:
    """As a collector of faults takes it: with the variables of every frame of ours, and of those that it came from."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in told.stack if "/heard/" in frame.filename]
    return repr(error) + "".join(told.format_exception_only()) + "".join(str(frame.locals) for frame in frames)


async def test_no_secret_shows_in_a_repr_in_any_error_or_in_its_variables() -> None:
    async with a_fake_hub() as hub, a_client(hub, timeout_s=0.3) as client:
        assert repr(client) == f"LinkClient('{hub.url}', 'mkt_1')"
        hub.faults = [Fault("/orders", None, slow_s=5), Fault("/orders", problem(422, "invalid_body"))]
        shown = []
        for kind in (UnknownOutcome, RequestRefused):
            with pytest.raises(kind) as caught:
                await client.send_order(an_order())
            shown.append(report(caught.value))
        async with a_client(hub, secret="hcs_a_wrong_one") as other:
            with pytest.raises(Unauthorized, match="invalid_client") as refused:
                await other.store("ven_000")
        shown.append(report(refused.value))
        for secret in (SECRET, "hcs_a_wrong_one", *hub.tokens):
            assert not any(secret in text for text in shown)


# --- stores and menus ---------------------------------------------------------------------------------------


async def test_all_stores_come_however_many_pages_they_are() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        found = [store.venue_id async for store in client.stores()]
        assert found == sorted(hub.stores)
        assert hub.calls.count(("GET", "/link/v2/stores")) == 3


async def test_a_store_is_paused_and_resumed() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        store = await client.pause_store("ven_000", "no couriers", minutes=30)
        assert not store.open
        [pause] = store.pauses
        assert (pause.by, pause.reason) == ("you", "no couriers")
        assert pause.until is not None
        assert pause.until - pause.since == timedelta(minutes=30)
        assert (await client.resume_store("ven_000")).open
        with pytest.raises(NotFound):
            await client.pause_store("ven_999", "no couriers")


async def test_a_menu_is_read_in_cents_and_only_when_it_is_another_one() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        menu = await client.menu("ven_000")
        assert isinstance(menu, Menu)
        assert (menu.version, menu.etag, menu.items[0].price) == ("7", '"7"', 999)
        assert menu.modifier_groups[0].modifiers[0].name == "Cheese"
        assert menu.published_at == datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
        assert isinstance(await client.menu("ven_000", menu.etag), NotModified)
        hub.menu["version"] = "8"
        newer = await client.menu("ven_000", menu.etag)
        assert isinstance(newer, Menu)
        assert newer.version == "8"


async def test_a_large_menu_comes_whole_and_packed() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.menu["items"] = [{**hub.menu["items"][0], "id": f"P-{number}"} for number in range(2_000)]
        menu = await client.menu("ven_000")
        assert isinstance(menu, Menu)
        assert [one.id for one in menu.items] == [f"P-{number}" for number in range(2_000)]
        assert hub.packed == 1


async def test_a_menu_that_unpacks_beyond_all_bounds_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heard.limits.MENU_BYTES_MAX", 200_000)
    async with a_fake_hub() as hub, a_client(hub, retry=False) as client:
        hub.menu["items"] = [{**hub.menu["items"][0], "id": f"P-{number}"} for number in range(2_000)]
        with pytest.raises(Unavailable, match="larger than 200000 bytes"):
            await client.menu("ven_000")
        assert hub.packed == 1


async def test_an_id_cannot_lead_to_another_path() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        with pytest.raises(NotFound):
            await client.store("../orders")
        with pytest.raises(ValueError, match="no id"):
            await client.store("..")
        with pytest.raises(ValueError, match="no id"):
            await client.order("")
        assert ("GET", "/link/v2/orders") not in hub.calls


async def test_a_cancel_says_whether_it_is_certain() -> None:
    body = {"order_id": "ord_1", "external_order_id": "A-1", "status": "CANCELLED", "cancelling": False}
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.cancels["ord_1"] = said(200, body)
        assert not (await client.cancel_order("ord_1", "cancelled_by_guest", "changed their mind")).cancelling
        hub.cancels["ord_1"] = said(202, {**body, "status": "PENDING", "cancelling": True})
        open_ = await client.cancel_order("ord_1", "cancelled_by_guest")
        assert (open_.cancelling, open_.status) == (True, "PENDING")
