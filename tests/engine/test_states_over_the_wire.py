"""Every state a marketplace can see, reached over real sockets by a POS and by staff, read and told in order."""

import pytest

from asking import read_event
from heard.domain.ids import OrderId
from heard.domain.order import commands as c
from heard.domain.order.model import ReasonCode, Status
from heard.domain.stores import ConnectorKind, StoreRules
from heard.engine.act_on_order import act_on_order
from heard.protocols.link.events import OrderEvent
from heard.sandbox.pos import Mood, Pace
from parties import Town, a_town

WELL, REFUSE, SILENT = Mood.WELL, Mood.REFUSE, Mood.SILENT
NEVER = 60.0
ACCEPT, START, FINISH, COMPLETE = c.AcceptOrder(20), c.StartOrder(), c.FinishOrder(), c.CompleteOrder()
REJECT = c.RejectOrder(ReasonCode.STORE_CLOSED, "we close")
CANCEL = c.RequestCancel(c.STAFF, ReasonCode.ITEM_UNAVAILABLE, "out of buns")
IN_TURN = ["order.confirmed", "order.in_prep", "order.ready", "order.completed"]


def pace(stage: int) -> Pace:
    """A kitchen that stops at a stage: 0 confirmed, 1 in preparation, 2 ready, 3 handed over."""
    start_s, cook_s, hand_over_s = (0.05 if stage > step else NEVER for step in range(3))
    return Pace(slow_s=0.3, start_s=start_s, cook_s=cook_s, hand_over_s=hand_over_s, silence_s=1.5)


async def the_wire_says(town: Town, order_id: OrderId, state: str, *told: str) -> list[OrderEvent]:
    """The order is read as being in a state, and exactly these events came, numbered without a gap."""
    if told:
        await town.told(order_id, told[-1])
    sql = "SELECT body FROM told WHERE order_id = ? AND type <> 'order.eta_updated' ORDER BY sequence"
    events = [read_event(row["body"]) for row in town.marketplace.ledger.rows(sql, order_id)]
    assert [event.type for event in events] == list(told)
    numbers = [row["sequence"] for row in town.marketplace.ledger.rows("SELECT sequence FROM told ORDER BY sequence")]
    assert numbers == list(range(1, len(numbers) + 1))
    view = await town.marketplace.link.order(order_id)
    assert (view.status, view.sequence) == (state, len(numbers))
    if events:
        assert events[-1].status == state
        assert (view.reason_code, view.reason or "") == (events[-1].reason_code, events[-1].reason or "")
    return events


@pytest.mark.parametrize(
    ("stage", "status", "state"),
    [
        (0, Status.CONFIRMED, "CONFIRMED"),
        (1, Status.IN_PREP, "IN_PREP"),
        (2, Status.READY, "READY"),
        (3, Status.COMPLETED, "COMPLETED"),
    ],
)
async def test_a_pos_brings_an_order_to_every_state_of_its_kitchen(
    dsn: str, stage: int, status: Status, state: str
) -> None:
    async with a_town(dsn, pace=pace(stage)) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, status)
        events = await the_wire_says(town, order_id, state, *IN_TURN[: stage + 1])
        assert events[0].prep_time_min is not None
        assert events[0].ready_at is not None


@pytest.mark.parametrize(
    ("commands", "state"),
    [
        ((ACCEPT,), "CONFIRMED"),
        ((ACCEPT, START), "IN_PREP"),
        ((ACCEPT, START, FINISH), "READY"),
        ((ACCEPT, START, FINISH, COMPLETE), "COMPLETED"),
    ],
)
async def test_staff_bring_an_order_to_every_state_of_their_kitchen(
    dsn: str, commands: tuple[c.StaffCommand, ...], state: str
) -> None:
    async with a_town(dsn, connector=ConnectorKind.MANUAL) as town:
        order_id = await town.send("A-1")
        for command in commands:
            await act_on_order(town.house.hub, order_id, command)
        events = await the_wire_says(town, order_id, state, *IN_TURN[: len(commands)])
        assert events[0].prep_time_min == 20


@pytest.mark.parametrize("connector", list(ConnectorKind))
async def test_an_order_that_nobody_has_decided_about_is_pending(dsn: str, connector: ConnectorKind) -> None:
    async with a_town(dsn, connector=connector, mood=lambda _: SILENT, callbacks=False) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.SUBMITTING, Status.AWAITING_STAFF)
        await the_wire_says(town, order_id, "PENDING")


@pytest.mark.parametrize("connector", list(ConnectorKind))
async def test_an_order_is_rejected_with_a_reason_by_pos_and_by_staff(dsn: str, connector: ConnectorKind) -> None:
    async with a_town(dsn, connector=connector, mood=lambda _: REFUSE) as town:
        order_id = await town.send("A-1")
        if connector is ConnectorKind.MANUAL:
            await act_on_order(town.house.hub, order_id, REJECT)
        await town.until(order_id, Status.REJECTED)
        [event] = await the_wire_says(town, order_id, "REJECTED", "order.rejected")
        assert ReasonCode(event.reason_code or "") in (
            ReasonCode.STORE_CLOSED,
            ReasonCode.ITEM_UNAVAILABLE,
            ReasonCode.POS_REFUSED,
        )
        assert event.reason


@pytest.mark.parametrize("connector", list(ConnectorKind))
async def test_an_order_that_nobody_takes_in_time_is_rejected(dsn: str, connector: ConnectorKind) -> None:
    rules = StoreRules(accept_within_s=1)
    async with a_town(dsn, connector=connector, rules=rules, mood=lambda _: SILENT, callbacks=False) as town:
        order_id = await town.send("A-1")
        [event] = await the_wire_says(town, order_id, "REJECTED", "order.rejected")
        assert event.reason_code == "not_accepted_in_time"
        who = "store" if connector is ConnectorKind.MANUAL else "POS"
        assert event.reason == f"the {who} did not take the order in time"


@pytest.mark.parametrize("connector", list(ConnectorKind))
async def test_an_order_is_cancelled_by_the_store_and_the_channel_hears_who_and_why(
    dsn: str, connector: ConnectorKind
) -> None:
    async with a_town(dsn, connector=connector, pace=pace(0)) as town:
        order_id = await town.send("A-1")
        if connector is ConnectorKind.MANUAL:
            await act_on_order(town.house.hub, order_id, ACCEPT)
        await town.until(order_id, Status.CONFIRMED)
        await act_on_order(town.house.hub, order_id, CANCEL)
        events = await the_wire_says(town, order_id, "CANCELLED", "order.confirmed", "order.cancelled")
        assert (events[-1].by, events[-1].reason_code, events[-1].reason) == (
            "store",
            "item_unavailable",
            "out of buns",
        )
