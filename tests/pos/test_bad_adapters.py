"""Adapters that return and raise what they should not: the kit answers as agreed, and never places a ticket twice."""

import asyncio
import concurrent.futures
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from asking import problem_of
from heard.domain.stores import Amounts
from heard.net.call import Answer
from heard.pos import (
    AdapterError,
    Cancelled,
    Cents,
    Errored,
    KitchenState,
    Location,
    Order,
    OrderRef,
    Placed,
    PosTotals,
    Rejected,
    Standing,
    Validated,
    app,
)
from heard.pos.store.database import Statement
from heard.protocols.posnext import decode
from lengths import patience
from pos.kits import SHARED_ID, AsyncPos, ScriptedPos
from pos.strangers import Stranger, a_cancel, a_served_kit, all_calls, an_order, the_log

MAIN = Location("demo", "main")


class OddPos(ScriptedPos):
    """Returns what a test wants, or raises it when it is an exception. The ticket may have been made before."""

    def __init__(self, odd: object = None, *, ticket: bool = False) -> None:
        super().__init__()
        self.odd, self.ticket = odd, ticket

    def _odd(self, name: str, request_uid: str = "") -> Any:
        self.calls[name] += 1
        if name == "place" and self.ticket:
            self.tickets.setdefault(request_uid, "T1")
        if isinstance(self.odd, BaseException):
            raise self.odd
        return self.odd

    def menu(self, location: Location) -> Any:
        return self._odd("menu")

    def validate(self, order: Order) -> Any:
        return self._odd("validate")

    def place(self, order: Order) -> Any:
        return self._odd("place", order.request_uid)

    def cancel(self, ref: OrderRef) -> Any:
        return self._odd("cancel")


class OddAsyncPos(AsyncPos):
    """The same from `async` methods: what is raised is raised in the event loop's own thread."""

    def __init__(self, inner: OddPos) -> None:
        super().__init__(inner)
        self.inner = inner

    async def validate(self, order: Order) -> Any:
        return self.inner.validate(order)

    async def place(self, order: Order) -> Any:
        return self.inner.place(order)


def said_by(stranger: Stranger, answer: Answer, status: int = 200) -> dict[str, Any]:
    """The answer's JSON; its digest is right, and a hub can read it."""
    said = stranger.good(answer, status)
    decode.decode_answer(answer.body, Amounts.MINOR)
    return said


async def placed_and_read(stranger: Stranger, uid: str = "U-1") -> dict[str, Any]:
    """What a submit is answered, which a repeat and a status read say again."""
    first = await stranger.submit(an_order(uid))
    said = said_by(stranger, first)
    assert (await stranger.submit(an_order(uid))).body == first.body
    again = said_by(stranger, await stranger.status(uid))
    assert again["status"] == said["status"]
    return said


# --- what is no verdict ---------------------------------------------------------------------------------------

TOTALS = PosTotals(Cents(1149), Cents(0), Cents(100), Cents(0), Cents(0), Cents(1249))
NO_VERDICTS: tuple[object, ...] = (
    None,
    {},
    {"pos_order_id": "T1"},
    "placed",
    True,
    7,
    [Placed("T1")],
    (Placed("T1"), None),
    Placed,
    Standing("T1"),
    Cancelled(),
    TOTALS,
    (one for one in [Placed("T1")]),
    NotImplemented,
)


@pytest.mark.parametrize("kind", [lambda pos: pos, OddAsyncPos])
@pytest.mark.parametrize("ticket", [False, True])
async def test_what_is_no_verdict_is_an_error_unless_there_is_a_ticket(
    kind: Callable[[OddPos], Any], ticket: bool
) -> None:
    pos = OddPos(ticket=ticket)
    async with a_served_kit(kind(pos)) as stranger:
        for number, odd in enumerate((*NO_VERDICTS, Validated())):
            pos.odd = odd
            said = await placed_and_read(stranger, f"U-{number}")
            assert said["status"] == ("placed" if ticket else "errored"), odd
            if ticket:
                assert said["order_details"]["pos_order_id"] == "T1"
            else:
                assert said["errors"][0]["code"] == "pos_error"
            assert pos.calls["place"] == number + 1
        for number, odd in enumerate((*NO_VERDICTS, Placed("T1"))):
            pos.odd = odd
            said = said_by(stranger, await stranger.validate(an_order(f"V-{number}", place=False)))
            assert (said["status"], said["errors"][0]["retryable"]) == ("errored", True), odd


async def test_what_is_no_standing_is_asked_for_again_and_told_as_it_was() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        stranger.good(await stranger.submit(an_order()))
        for odd in (None, {}, "ready", Placed("T1"), Standing, KitchenState.READY):
            pos.status = lambda ref, odd=odd: odd  # type: ignore[method-assign,misc]
            assert said_by(stranger, await stranger.status("U-1"))["order_details"]["pos_order_id"] == "T1"


async def test_a_standing_with_odd_values_is_told_without_them() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        stranger.good(await stranger.submit(an_order()))
        odd: Any
        for odd in (
            Standing(None, "banana", "soon", {"total": 1}),  # type: ignore[arg-type]
            Standing("", ["ready"], datetime(1, 1, 1, tzinfo=UTC), 12.49),  # type: ignore[arg-type]
            Standing(["T1"], 7, 0, TOTALS.grand_total),  # type: ignore[arg-type]
        ):
            pos.status = lambda ref, odd=odd: odd  # type: ignore[method-assign,misc]
            said = said_by(stranger, await stranger.status("U-1"))
            assert (said["status"], said["order_details"]["pos_order_id"]) == ("placed", "T1")
            assert not {"fulfillment_status", "estimated_ready_at"} & set(said)
            assert said["order_details"]["grand_total"] == 1249
            assert not await stranger.kit.report(MAIN, odd)
        assert await stranger.kit.report(MAIN, replace(odd, pos_order_id="T1"))
        said_by(stranger, await stranger.submit(an_order()))
        pos.status = lambda ref: Standing("T1", "ready")  # type: ignore[method-assign,arg-type,assignment]
        assert said_by(stranger, await stranger.status("U-1"))["fulfillment_status"] == "ready"


# --- verdicts with odd values ---------------------------------------------------------------------------------


async def test_a_ticket_is_told_however_odd_its_number_is() -> None:
    pos = OddPos()
    numbers = {
        **{text: text for text in ("T1", "T|1", "\u4e16", " T1 ", 'T"1', "x" * 128)},
        **{whole: str(whole) for whole in (7, 2**70)},
        **dict.fromkeys(("", "   ", "\t"), None),
        **dict.fromkeys((None, 3.5, True, b"T1", ("T1",), Placed("T1")), None),
    }
    async with a_served_kit(pos) as stranger:
        for count, (number, told) in enumerate(numbers.items()):
            pos.odd = Placed(number)  # type: ignore[arg-type]
            said = await placed_and_read(stranger, f"U-{count}")
            assert said["order_details"].get("pos_order_id") == told, number
            assert said_by(stranger, await stranger.cancel(a_cancel(f"U-{count}")))["status"] == "errored"
        cut = [f"{'x' * 400}{end}" for end in "ab"] + ["T\x00", "T\x01", "T\ud800", "\ud800"]
        told_cut = []
        for count, odd in enumerate(cut):  # each stays another than every other, and news of it finds its order
            pos.odd = Placed(odd)
            told_cut.append((await placed_and_read(stranger, f"C-{count}"))["order_details"]["pos_order_id"])
            assert await stranger.kit.report(MAIN, Standing(odd, KitchenState.READY))
            said = said_by(stranger, await stranger.submit(an_order(f"C-{count}")))
            assert said["fulfillment_status"] == "ready"
        assert len(set(told_cut)) == len(cut)
        assert all(len(one) <= 128 and one.isprintable() for one in told_cut)


async def test_a_ticket_without_a_number_can_be_taken_back_by_its_request_uid() -> None:
    class Nameless(ScriptedPos):
        def place(self, order: Order) -> Placed:
            super().place(order)
            return Placed("")

    pos = Nameless()
    async with a_served_kit(pos) as stranger:
        stranger.good(await stranger.submit(an_order()))
        assert said_by(stranger, await stranger.cancel(a_cancel()))["status"] == "cancelled"
        assert pos.cancelled == {"U-1"}


async def test_totals_and_times_that_are_none_are_left_out_and_the_ticket_is_told() -> None:
    pos = OddPos()
    amounts: tuple[Any, ...] = (12.49, -1, 10**12, True, None, "1249", float("nan"))
    totals: list[Any] = [replace(TOTALS, grand_total=amount) for amount in amounts]
    totals += [replace(TOTALS, tax=amount) for amount in amounts]
    totals += [{}, {"grand_total": 1249}, 1249, TOTALS.__class__, [TOTALS]]
    times: tuple[Any, ...] = (
        datetime(2026, 1, 15, 19, 0),  # noqa: DTZ001 - that is what is wrong with it
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-14))),
        datetime(1969, 12, 31, tzinfo=UTC),
        "2026-01-15T19:00:00Z",
        1768503600,
        timedelta(minutes=20),
    )
    async with a_served_kit(pos) as stranger:
        for number, odd in enumerate(totals):
            pos.odd = Placed("T1", odd)
            details = (await placed_and_read(stranger, f"U-{number}"))["order_details"]
            assert (details["grand_total"], details["tax"], details["pos_order_id"]) == (1249, 100, "T1")
            pos.odd = Validated(odd)
            said = said_by(stranger, await stranger.validate(an_order(f"U-{number}", place=False)))
            assert (said["status"], said["order_details"]["grand_total"]) == ("validated", 1249)
        for number, at in enumerate(times):
            pos.odd = Placed("T1", TOTALS, at)
            said = await placed_and_read(stranger, f"T-{number}")
            assert (said["status"], "estimated_ready_at" in said) == ("placed", False)
        pos.odd = Placed("T1", replace(TOTALS, grand_total=Cents(1)))  # they do not add up, and are the POS's own
        assert (await placed_and_read(stranger, "U-x"))["order_details"]["grand_total"] == 1


async def test_a_no_with_odd_words_is_told_in_words_that_a_hub_can_read() -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError

    pos = OddPos()
    words: tuple[Any, ...] = (
        "",
        "\x00\x1b[31m\ud800",
        "x" * 100_000,
        None,
        7,
        ValueError("down"),
        b"x",
        ["a"],
        Unprintable(),
    )
    async with a_served_kit(pos) as stranger:
        for number, word in enumerate(words):
            for kind, odd in enumerate((Rejected(word, word, word), Errored(word, word, word))):
                pos.odd = odd
                said = await placed_and_read(stranger, f"U-{number}-{kind}")
                (error,) = said["errors"]
                assert said["status"] == ("rejected", "errored")[kind]
                assert error["code"], word
                assert type(error["retryable"]) is bool
                assert all(len(str(text)) <= 2000 and "\x1b" not in str(text) for text in error.values())
                place = said_by(stranger, await stranger.validate(an_order(f"U-{number}-{kind}", place=False)))
                assert place["errors"] == [error]


async def test_an_adapter_that_changes_what_was_sent_changes_its_own_copy() -> None:
    class Meddler(ScriptedPos):
        def place(self, order: Order) -> Placed:
            sent: Any = order.sent
            sent["menu_items"][0]["price"] = object()
            sent["menu_items"][0]["menu_items"].clear()
            with pytest.raises(TypeError):
                sent["pos_order_id"] = "EVIL"
            with pytest.raises(TypeError):
                del sent["order_type"]
            return super().place(order)

    async with a_served_kit(Meddler()) as stranger:
        details = (await placed_and_read(stranger))["order_details"]
        assert details["menu_items"] == an_order()["order_details"]["menu_items"]
        assert (details["pos_order_id"], details["order_type"]) == ("T1", "pickup")


# --- what is raised -------------------------------------------------------------------------------------------


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


RAISED: tuple[BaseException, ...] = (
    RuntimeError("SharedSecret of the POS: hunter2"),
    TimeoutError(),
    sqlite3.OperationalError("the adapter's own database is locked"),
    StopIteration(),
    StopAsyncIteration(),
    AssertionError(),
    NotImplementedError(),
    MemoryError(),
    RecursionError(),
    Unspeakable(),
    ExceptionGroup("all of it", [ValueError("one")]),
    SystemExit(0),
    SystemExit("goodbye"),
    KeyboardInterrupt(),
    asyncio.CancelledError(),
    concurrent.futures.CancelledError(),
    GeneratorExit(),
    BaseExceptionGroup("worse", [SystemExit(1)]),
)


@pytest.mark.parametrize("kind", [lambda pos: pos, OddAsyncPos])
@pytest.mark.parametrize("ticket", [False, True])
async def test_whatever_is_raised_the_kit_stays_up_and_tells_none_of_it(
    kind: Callable[[OddPos], Any], ticket: bool
) -> None:
    pos = OddPos(ticket=ticket)
    async with a_served_kit(kind(pos)) as stranger:
        for number, raised in enumerate(RAISED):
            pos.odd = raised
            with the_log() as entries:
                said = await placed_and_read(stranger, f"U-{number}")
            assert said["status"] == ("placed" if ticket else "errored"), repr(type(raised))
            assert any(entry.get("exc_info") for entry in entries)
            assert "hunter2" not in str(said)
            assert pos.calls["place"] == number + 1
            validated = said_by(stranger, await stranger.validate(an_order(f"U-{number}", place=False)))
            assert validated["errors"][0]["code"] == "pos_error"
            answer = await stranger.call("POST", "/posnext/menus", {"organization_id": "demo", "location_id": "demo-1"})
            assert problem_of(answer, 503, "unavailable")["retryable"] is True
            assert answer.headers["retry-after"] == "30"
            if ticket:
                assert said_by(stranger, await stranger.cancel(a_cancel(f"U-{number}")))["status"] == "errored"
                pos.asking = raised  # type: ignore[assignment]
                assert said_by(stranger, await stranger.status(f"U-{number}"))["status"] == "placed"
                pos.asking = None


async def test_a_status_that_raises_is_asked_again_until_it_says_what_became_of_the_order() -> None:
    class Shaky(OddPos):
        def status(self, ref: OrderRef) -> Standing | None:
            if not self.calls["status"]:
                self.calls["status"] += 1
                raise SystemExit
            return super().status(ref)

    pos = Shaky(TimeoutError(), ticket=True)
    async with a_served_kit(pos, answer_within_s=10.0) as stranger:
        said = said_by(stranger, await stranger.submit(an_order()))
        assert (said["status"], pos.calls["place"], pos.calls["status"]) == ("placed", 1, 2)


async def test_a_store_that_fails_after_the_ticket_leaves_the_order_pending_and_never_denies_it() -> None:
    """A fault would say that nothing was done."""
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        database = stranger.kit.store._database
        full = "CREATE TRIGGER full BEFORE UPDATE OF answer ON pos_requests BEGIN SELECT RAISE(ABORT, 'full'); END"
        await database.write(Statement(full))
        for _ in range(2):
            assert said_by(stranger, await stranger.submit(an_order()), 202)["status"] == "pending"
            assert said_by(stranger, await stranger.status("U-1"))["status"] == "pending"
        assert pos.calls["place"] == 1
        lease_ends = "UPDATE pos_requests SET lease_until = 0 WHERE status IS NULL RETURNING attempt"
        await database.write(Statement("DROP TRIGGER full"), Statement(lease_ends))
        async with patience():
            while said_by(stranger, await stranger.status("U-1"))["status"] == "pending":
                await asyncio.sleep(0.05)
        assert said_by(stranger, await stranger.submit(an_order()))["order_details"]["pos_order_id"] == "T1"
        assert pos.calls["place"] == 1


# --- adapters that are none -----------------------------------------------------------------------------------


def test_an_adapter_that_is_none_is_refused_in_one_line_that_names_what_is_missing() -> None:
    class NoPlace:
        def menu(self, location: Location) -> None: ...

        validate = status = menu
        place = "not a method"

    class PlainLife(ScriptedPos):
        def started(self, kit: object) -> None: ...

        stopped = started

    class Raising:
        def __getattr__(self, name: str) -> Any:
            raise AttributeError(name)

    cases: list[tuple[Any, str]] = [
        (ScriptedPos, "give an instance, ScriptedPos()"),
        (NoPlace, "give an instance, NoPlace()"),
        (NoPlace(), "has no place"),
        (Raising(), "has no menu, validate, place, status"),
        (None, "has no menu, validate, place, status"),
        (object(), "has no menu"),
        ({}, "has no menu"),
        (PlainLife(), "started and stopped must be `async`"),
    ]
    for adapter, words in cases:
        with pytest.raises(AdapterError) as caught:
            app(adapter, shared_id=SHARED_ID, store=":memory:")
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


async def test_a_pos_without_cancel_says_so_and_all_else_is_served() -> None:
    class Firm(ScriptedPos):
        cancel = None  # type: ignore[assignment]

    async with a_served_kit(Firm()) as stranger:
        for method, path, body in all_calls():
            answer = await stranger.call(method, path, body)
            if path.endswith("/cancel"):
                problem_of(answer, 404, "not_found")
            else:
                assert answer.status == 200
