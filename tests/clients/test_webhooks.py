"""The webhook receiver: only what is genuine, each event once, none that is late, nothing that was not handled."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.deliveries import OTHER, SECRET, a_body, a_store_body, an_event, deliver, headers, post
from heard.clients.webhooks import (
    Event,
    MemorySeen,
    OrderEvent,
    Seen,
    SqliteSeen,
    WebhookReceiver,
    WebhookRefused,
    verify_event,
)
from heard.net.call import Answer, Call
from heard.net.guard import AddressGuard
from heard.net.listening import listening
from heard.net.outbound import Outbound
from heard.net.serving import serve

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


class Shop:
    """A marketplace's own end: what it was handed, and how often it fails first."""

    def __init__(self, fails: int = 0, takes_s: float = 0.0) -> None:
        self.handed: list[Event] = []
        self.fails, self.takes_s = fails, takes_s

    async def handle(self, event: Event) -> None:
        await asyncio.sleep(self.takes_s)
        if self.fails:
            self.fails -= 1
            raise RuntimeError("the shop's database is away")
        self.handed.append(event)

    @property
    def sequences(self) -> list[int]:
        return [event.sequence for event in self.handed if isinstance(event, OrderEvent)]


# --- what is genuine ----------------------------------------------------------------------------------------


def test_a_genuine_delivery_is_read_with_either_secret_while_one_rotates() -> None:
    body = a_body(sequence=3)
    for secrets in (SECRET, [SECRET], [OTHER, SECRET]):
        event = verify_event(headers("evt_1", body, now=NOW), body, secrets, NOW)
        assert isinstance(event, OrderEvent)
        assert (event.id, event.sequence, event.status) == ("evt_1", 3, "READY")


FORGERIES: dict[str, Callable[[bytes, dict[str, str]], tuple[bytes, dict[str, str]]]] = {
    "another secret": lambda body, _: (body, headers("evt_1", body, OTHER, now=NOW)),
    "another body": lambda body, named: (body.replace(b"READY", b"COMPLETED"), named),
    "another id": lambda body, named: (body, {**named, "webhook-id": "evt_2"}),
    "another time": lambda body, named: (body, {**named, "webhook-timestamp": str(int(NOW.timestamp()) + 1)}),
    "too old": lambda body, _: (body, headers("evt_1", body, now=NOW - timedelta(minutes=6))),
    "too new": lambda body, _: (body, headers("evt_1", body, now=NOW + timedelta(minutes=6))),
    "no signature": lambda body, named: (body, {**named, "webhook-signature": ""}),
    "odd signature": lambda body, named: (body, {**named, "webhook-signature": "v1,*** v1 v2,AAAA ,"}),
    "odd time": lambda body, named: (body, {**named, "webhook-timestamp": "²"}),
    "no headers": lambda body, _: (body, {}),
    "no JSON, signed": lambda *_: (b"\xff", headers("evt_1", b"\xff", now=NOW)),
    "no event, signed": lambda *_: (b"{}", headers("evt_1", b"{}", now=NOW)),
    "half an event, signed": lambda *_: (
        a_body(sequence="one"),  # type: ignore[arg-type]
        headers("evt_1", a_body(sequence="one"), now=NOW),  # type: ignore[arg-type]
    ),
}


@pytest.mark.parametrize("forgery", sorted(FORGERIES))
async def test_what_is_not_genuine_is_refused_in_one_way_and_handed_to_nobody(forgery: str) -> None:
    body = a_body()
    sent, named = FORGERIES[forgery](body, headers("evt_1", body, now=NOW))
    with pytest.raises(WebhookRefused):
        verify_event(named, sent, SECRET, NOW)
    shop = Shop()
    receiver = WebhookReceiver(SECRET, shop.handle, clock=lambda: NOW)
    latin = {name: value for name, value in named.items() if value.isascii()}
    assert await post(receiver, sent, latin) == (401, {"content-length": "0"}, b"")
    assert shop.handed == []
    assert await deliver(receiver, "evt_1", body, **headers("evt_1", body, now=NOW)) == 204


@given(st.binary(max_size=60), st.dictionaries(st.sampled_from(["webhook-id", "Webhook-Signature", "x"]), st.text()))
def test_whatever_else_comes_is_refused_with_nothing_but_that(body: bytes, named: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused):
        verify_event(named, body, SECRET, NOW)


@pytest.mark.parametrize("secret", ["", "secret", "whsec_", "whsec_AAAA", "whsec_***"])
def test_a_receiver_with_a_secret_that_is_none_is_not_made(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        WebhookReceiver(secret, Shop().handle)
    with pytest.raises(ValueError, match="secrets"):
        WebhookReceiver([], Shop().handle)


# --- what is answered ---------------------------------------------------------------------------------------


async def test_a_delivery_is_acknowledged_only_once_it_is_handled(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop(fails=2)
    receiver = WebhookReceiver(SECRET, shop.handle)
    with caplog.at_level(logging.CRITICAL):
        assert [await deliver(receiver, "evt_1", a_body()) for _ in range(4)] == [500, 500, 204, 204]
    assert [event.id for event in shop.handed] == ["evt_1"]


async def test_a_plain_function_may_handle_too() -> None:
    handed: list[Event] = []
    receiver = WebhookReceiver(SECRET, handed.append)
    assert await deliver(receiver, "evt_1", a_body()) == 204
    assert [event.id for event in handed] == ["evt_1"]


async def test_only_a_post_of_a_bounded_body_is_taken() -> None:
    shop = Shop()
    receiver = WebhookReceiver(SECRET, shop.handle, body_bytes_max=1_000)
    status, named, _ = await post(receiver, b"", {}, method="GET")
    assert (status, named["allow"]) == (405, "POST")
    large = a_body(padding="x" * 1_000)
    assert await deliver(receiver, "evt_1", large) == 413
    assert shop.handed == []


async def test_in_front_of_an_app_it_takes_its_own_path_alone() -> None:
    passed: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["path"])
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b"the app"})

    shop = Shop()
    receiver = WebhookReceiver(SECRET, shop.handle, path="/webhooks", otherwise=app)
    assert (await post(receiver, b"", {}, "/orders"))[0] == 299
    assert await deliver(receiver, "evt_1", a_body()) == 204
    assert (passed, len(shop.handed)) == (["/orders"], 1)
    alone = WebhookReceiver(SECRET, shop.handle, path="/webhooks")
    assert (await post(alone, b"", {}, "/orders"))[0] == 404
    with pytest.raises(ValueError, match="path"):
        WebhookReceiver(SECRET, shop.handle, otherwise=app)


async def test_a_server_may_start_and_stop_it() -> None:
    said: list[str] = []
    asked = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, Any]:
        return {"type": next(asked)}

    async def send(message: Any) -> None:
        said.append(message["type"])

    await WebhookReceiver(SECRET, Shop().handle)({"type": "lifespan"}, receive, send)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_over_a_real_socket_it_takes_what_a_hub_sends() -> None:
    shop = Shop()
    with listening("127.0.0.1", 0) as bound:
        serving = asyncio.create_task(serve(WebhookReceiver(SECRET, shop.handle), bound))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/webhooks"
        async with Outbound(AddressGuard(["127.0.0.0/8"])) as outbound:
            body = a_body()
            for named, status in ((headers("evt_1", body), 204), (headers("evt_1", body, OTHER), 401)):
                answer = await outbound.send(Call("POST", url, named, body, 5.0, 1_000))
                assert isinstance(answer, Answer)
                assert (answer.status, answer.body) == (status, b"")
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert [event.id for event in shop.handed] == ["evt_1"]


# --- once, and in order -------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "file", "connection"])
def seen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Seen]:
    if request.param == "memory":
        yield MemorySeen()
        return
    connection = sqlite3.connect(tmp_path / "shop.sqlite")
    one = SqliteSeen(tmp_path / "seen.sqlite" if request.param == "file" else connection)
    yield one
    one.close()
    connection.close()


async def test_a_repeat_is_acknowledged_and_not_handled_again(seen: Seen) -> None:
    shop = Shop()
    receiver = WebhookReceiver(SECRET, shop.handle, seen=seen)
    for _ in range(3):
        assert await deliver(receiver, "evt_1", a_body()) == 204
        assert await deliver(receiver, "evt_2", a_store_body("store.paused", 1)) == 204
        assert await deliver(receiver, "evt_3", a_body(kind="order.teleported", order="9")) == 204
    assert [event.id for event in shop.handed] == ["evt_1", "evt_2", "evt_3"]


async def test_repeats_at_once_are_handled_once_and_wait_for_it(seen: Seen) -> None:
    shop = Shop(takes_s=0.05)
    receiver = WebhookReceiver(SECRET, shop.handle, seen=seen)
    assert await asyncio.gather(*(deliver(receiver, "evt_1", a_body()) for _ in range(5))) == [204] * 5
    assert len(shop.handed) == 1


async def test_what_is_late_is_acknowledged_and_not_handled(seen: Seen) -> None:
    shop = Shop()
    receiver = WebhookReceiver(SECRET, shop.handle, seen=seen)
    for sequence in (1, 3, 2, 4):
        assert await deliver(receiver, f"evt_{sequence}", a_body(sequence=sequence)) == 204
    assert shop.sequences == [1, 3, 4]
    assert await deliver(receiver, "evt_9", a_body("2", sequence=1)) == 204  # another order counts for itself
    assert shop.sequences == [1, 3, 4, 1]


async def test_a_store_that_goes_on_is_not_paused_again_by_older_news(seen: Seen) -> None:
    shop = Shop()
    receiver = WebhookReceiver(SECRET, shop.handle, seen=seen)
    told = [("store.resumed", 20), ("store.paused", 10), ("store.paused", 21), ("store.resumed", 30)]
    for number, (kind, sequence) in enumerate(told):
        assert await deliver(receiver, f"evt_{number}", a_store_body(kind, sequence)) == 204
    assert await deliver(receiver, "evt_7", a_store_body("menu.published", 5)) == 204  # a menu's is another story
    assert await deliver(receiver, "evt_8", a_store_body("store.connected", 4)) == 204  # and a connection's
    assert [event.id for event in shop.handed] == ["evt_0", "evt_2", "evt_3", "evt_7", "evt_8"]


async def test_an_event_from_the_feed_and_the_same_as_a_webhook_are_one(seen: Seen) -> None:
    shop = Shop()
    receiver = WebhookReceiver(SECRET, shop.handle, seen=seen)
    assert await receiver.take(an_event("evt_1", a_body()))
    assert await deliver(receiver, "evt_1", a_body()) == 204
    assert not await receiver.take(an_event("evt_1", a_body()))
    assert len(shop.handed) == 1


async def test_a_memory_does_not_grow_for_ever() -> None:
    seen, shop = MemorySeen(size=10), Shop()
    receiver = WebhookReceiver(SECRET, shop.handle, seen=seen)
    for number in range(50):
        await receiver.take(an_event(f"evt_{number}", a_body(str(number))))
    assert len(seen._known) == 10
    assert seen._turns._locks == {}


async def test_a_file_forgets_after_a_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heard.limits.SEEN_FORGET_EVERY", 5)
    seen = SqliteSeen(tmp_path / "seen.sqlite")
    receiver = WebhookReceiver(SECRET, Shop().handle, seen=seen)
    for number in range(4):
        await receiver.take(an_event(f"evt_{number}", a_body(str(number))))
    seen._db.execute("UPDATE heard_seen SET seen_at = seen_at - 31 * 86400 WHERE key <> 'order:ord_3'")
    await receiver.take(an_event("evt_4", a_body("4")))
    assert [row[0] for row in seen._db.execute("SELECT key FROM heard_seen")] == ["order:ord_3", "order:ord_4"]
    seen.close()


async def test_of_two_processes_on_one_file_the_slower_one_does_not_turn_it_back(tmp_path: Path) -> None:
    slow, quick = Shop(takes_s=0.2), Shop()
    files = SqliteSeen(tmp_path / "seen.sqlite"), SqliteSeen(tmp_path / "seen.sqlite")
    one, other = (
        WebhookReceiver(SECRET, shop.handle, seen=seen) for shop, seen in zip((slow, quick), files, strict=True)
    )
    third = asyncio.create_task(deliver(one, "evt_3", a_body(sequence=3)))
    await asyncio.sleep(0.05)
    assert await deliver(other, "evt_4", a_body(sequence=4)) == 204
    assert await third == 204
    assert await deliver(one, "evt_4", a_body(sequence=4)) == 204
    assert (slow.sequences, quick.sequences) == ([3], [4])
    for seen in files:
        seen.close()


async def test_what_handle_writes_and_the_event_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    """A handler that fails after it wrote: nothing of it stays, and the event is news again."""
    shop = sqlite3.connect(tmp_path / "shop.sqlite")
    shop.execute("CREATE TABLE told (id TEXT)")
    fails = [True]

    def handle(event: Event) -> None:
        shop.execute("INSERT INTO told VALUES (?)", (event.id,))
        if fails.pop():
            raise RuntimeError("after the write")
        fails.append(False)

    receiver = WebhookReceiver(SECRET, handle, seen=SqliteSeen(shop))
    with pytest.raises(RuntimeError):
        await receiver.take(an_event("evt_1", a_body()))
    assert shop.execute("SELECT * FROM told").fetchall() == []
    fails.append(False)
    assert await receiver.take(an_event("evt_1", a_body()))
    assert not await receiver.take(an_event("evt_1", a_body()))
    assert shop.execute("SELECT * FROM told").fetchall() == [("evt_1",)]
    shop.close()


async def test_a_handler_that_commits_for_itself_is_told_not_to(tmp_path: Path) -> None:
    shop = sqlite3.connect(tmp_path / "shop.sqlite")
    receiver = WebhookReceiver(SECRET, lambda _: shop.commit(), seen=SqliteSeen(shop))
    with pytest.raises(RuntimeError, match="leave committing to the receiver"):
        await receiver.take(an_event("evt_1", a_body()))
    shop.close()


# --- any interleaving ---------------------------------------------------------------------------------------

DELIVERIES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("AB"), st.integers(1, 6)),  # a delivery: an order's event by its sequence
        st.just("restart"),
        st.just("fail"),  # the next one that is handled fails
    ),
    max_size=40,
)


@given(DELIVERIES)
def test_whatever_comes_however_often_each_event_is_handled_once_in_order_and_the_last_state_is_right(
    deliveries: list[Any],
) -> None:
    """Restarts lose nothing of what was seen, a handler that fails gets its event again, and whatever the order of
    deliveries, the newest event that ever arrived is the one handled last.
    """
    database = sqlite3.connect(":memory:")
    shop = Shop()

    async def run() -> None:
        receiver = WebhookReceiver(SECRET, shop.handle, seen=SqliteSeen(database))
        unheard = []
        for one in deliveries:
            if one == "restart":
                receiver = WebhookReceiver(SECRET, shop.handle, seen=SqliteSeen(database))
            elif one == "fail":
                shop.fails = 1
            elif await deliver(receiver, f"evt_{one[0]}{one[1]}", a_body(*one)) != 204:
                unheard.append(one)  # the hub sends it again, when others have come
        shop.fails = 0
        for one in unheard:
            assert await deliver(receiver, f"evt_{one[0]}{one[1]}", a_body(*one)) == 204

    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(run())
    finally:
        logging.disable(logging.NOTSET)
        database.close()
    for order in "AB":
        arrived = [one[1] for one in deliveries if isinstance(one, tuple) and one[0] == order]
        handled = [
            event.sequence
            for event in shop.handed
            if isinstance(event, OrderEvent) and event.order_id == f"ord_{order}"
        ]
        assert handled == sorted(set(handled))
        assert (handled[-1] if handled else None) == max(arrived, default=None)
