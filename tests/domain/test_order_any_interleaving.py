"""Any interleaving of one order's calls, answers, callbacks, repetitions, cancels, deadlines and staff ends well.

The hub is `decide` and `plan`; the POS is a small model that keeps what is submitted once per request_uid. Requests and
answers may be late, lost or doubled, the worker may die, and staff may act by hand at any time. In the end there was at
most one ticket, hub and POS agree about it or a person is told, and the channel heard one end.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from builders import NOW, a_moment, an_order
from heard.domain.ids import PosOrderId
from heard.domain.order import commands as c
from heard.domain.order.decide import decide
from heard.domain.order.events import EventKind
from heard.domain.order.lifecycle import FINAL, Step
from heard.domain.order.model import Order, ReasonCode, Status, Ticket
from heard.domain.order.plan import Task, next_at, task_at
from heard.domain.pos import KitchenState
from lengths import examples

_STAGES = (None, KitchenState.IN_PREPARATION, KitchenState.READY, KitchenState.COMPLETED)
_STAFF: tuple[c.StaffCommand, ...] = (
    c.AcceptOrder(20),
    c.RejectOrder(ReasonCode.OTHER),
    c.StartOrder(),
    c.MoveEta(NOW + timedelta(hours=1)),
    c.FinishOrder(),
    c.CompleteOrder(),
    c.Unpark(c.STAFF),
    c.ResolveAttention("seen to"),
)
_HOUSE = {
    Task.DISPATCH: c.Dispatch(),
    Task.EXPIRE: c.PassDeadline(),
    Task.GIVE_UP: c.GiveUp(),
    Task.LOSE: c.FailAttempt("the worker died", ticket_may_exist=True),
}


class ModelPos:
    """One order's POS. `state` of the submit: None (never heard of), pending, placed, refused or cancelled."""

    def __init__(self, mood: str, cancels: str, deadline: datetime) -> None:
        self.mood, self.cancels, self.deadline = mood, cancels, deadline
        self.state: str | None = None
        self.stage = 0
        self.tickets = 0
        self.cancelling = False

    @property
    def has_ticket(self) -> bool:
        return self.state in ("pending", "placed")

    def handle(self, task: Task, now: datetime) -> c.Command:
        """Carry a request out, as often as it arrives; the answer, in the hub's words."""
        if task is Task.VALIDATE:
            return c.PassValidation()
        if task is Task.SUBMIT and self.state is None:
            self.state = "refused" if self.mood == "refuse" or now >= self.deadline else self.mood
            self.tickets += self.has_ticket
        if task is Task.WITHDRAW:
            return self._cancel()
        return self.says(reading=task is not Task.SUBMIT, withdrawing=task is Task.READ_WITHDRAWAL)

    def says(self, *, reading: bool, withdrawing: bool = False, asked: bool = True) -> c.Command:
        match self.state:
            case None:
                assert reading
                return c.RefuseCancel("404") if withdrawing else c.MissTicket()
            case "pending":
                return c.DeferCancel() if withdrawing else c.DeferTicket()
            case "placed":
                return c.PlaceTicket(PosOrderId("T1"), None, None, _STAGES[self.stage], asked)
            case "cancelled":
                return c.CancelTicket("cancelled there")
            case _:
                refused = c.RefuseCancel("refused")
                return refused if withdrawing else c.RefuseOrder(ReasonCode.POS_REFUSED, "no")

    def _cancel(self) -> c.Command:
        if self.state is None or self.cancels == "unserved":
            return c.RefuseCancel("404")
        if self.has_ticket and self.stage >= 2:
            return c.RefuseCancel("the food is made")
        if self.cancels == "slow" and self.has_ticket and not self.cancelling:
            self.cancelling = True
            return c.DeferCancel()
        if self.state != "refused":
            self.state = "cancelled"
        return c.CancelTicket("taken back")


class AnyInterleaving(RuleBasedStateMachine):
    """The hub has one call under way at most; what its network does with it is another matter."""

    @initialize(
        mood=st.sampled_from(["placed", "pending", "refuse"]),
        cancels=st.sampled_from(["served", "slow", "unserved"]),
        validated=st.booleans(),
    )
    def begin(self, mood: str, cancels: str, validated: bool) -> None:
        self.order, self.now = an_order(), NOW
        if validated:
            self.order = decide(self.order, c.Dispatch(), a_moment(validate_first=False)).order
        self.pos = ModelPos(mood, cancels, self.order.accept_by)
        self.under_way: tuple[Task, c.Command | None] | None = None  # the call, and its answer once the POS gave one
        self.strays: list[Task] = []  # requests that nobody waits for any more, and that may still arrive
        self.callbacks: list[c.Command] = []
        self.told: list[EventKind] = []
        self.by_hand = self.finished = self.seen_to = False  # what staff did

    def hear(self, command: c.Command) -> set[Step]:
        """Decide it; the steps that were taken."""
        decision = decide(self.order, command, a_moment((self.now - NOW).total_seconds()))
        assert decision.order.status is self.order.status or self.order.status not in FINAL
        self.told += [one.kind for one in decision.told]
        self.order = decision.order
        return {line.step for line in decision.history if line.changed}

    def call_back(self) -> None:
        if self.pos.state not in (None, "pending"):
            self.callbacks.append(self.pos.says(reading=True, asked=False))

    @rule(seconds=st.sampled_from([0.5, 5.0, 60.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.under_way is None)
    @rule()
    def the_hub_does_what_is_due(self) -> None:
        task = task_at(self.order, self.now)
        if task is None:
            return
        if task in _HOUSE:
            self.hear(_HOUSE[task])
            return
        if task is Task.SUBMIT:
            self.hear(c.SendTicket())
            if self.order.ticket is not Ticket.SENT:
                return
        self.under_way = (task, None)

    @precondition(lambda self: self.under_way is None)
    @rule()
    def a_call_goes_well(self) -> None:
        self.the_hub_does_what_is_due()
        if self.under_way is not None:
            self.the_request_arrives()
            self.the_answer_arrives()

    @precondition(lambda self: self.under_way is None)
    @rule(heard_there=st.booleans(), arrives_later=st.booleans())
    def a_call_times_out(self, heard_there: bool, arrives_later: bool) -> None:
        self.the_hub_does_what_is_due()
        if self.under_way is not None:
            if heard_there:
                self.the_request_arrives()
            self.the_call_is_lost(dies=False, arrives_later=arrives_later)

    @rule()
    def the_deadline_passes(self) -> None:
        self.now = max(self.now, self.order.accept_by)

    @precondition(lambda self: self.under_way is not None)
    @rule()
    def the_request_arrives(self) -> None:
        assert self.under_way is not None
        self.under_way = (self.under_way[0], self.pos.handle(self.under_way[0], self.now))

    @precondition(lambda self: self.under_way is not None and self.under_way[1] is not None)
    @rule()
    def the_answer_arrives(self) -> None:
        assert self.under_way is not None
        answer, self.under_way = self.under_way[1], None
        assert answer is not None
        self.hear(answer)

    @precondition(lambda self: self.under_way is not None)
    @rule(dies=st.booleans(), arrives_later=st.booleans())
    def the_call_is_lost(self, dies: bool, arrives_later: bool) -> None:
        """No answer; or the worker died, and cannot even say so."""
        assert self.under_way is not None
        task, _ = self.under_way
        self.under_way = None
        self.strays += [task] if arrives_later else []
        if not dies:
            self.hear(c.FailAttempt("timed out", ticket_may_exist=task is Task.SUBMIT))

    @precondition(lambda self: self.strays)
    @rule(data=st.data(), again=st.booleans())
    def a_stray_request_arrives(self, data: st.DataObject, again: bool) -> None:
        task = data.draw(st.sampled_from(self.strays))
        self.pos.handle(task, self.now)
        if not again:
            self.strays.remove(task)

    @precondition(lambda self: self.pos.state == "pending")
    @rule(to=st.sampled_from(["placed", "refused"]))
    def the_pos_makes_up_its_mind(self, to: str) -> None:
        self.pos.state = to
        self.call_back()

    @precondition(lambda self: self.pos.state == "placed")
    @rule()
    def the_kitchen_goes_on(self) -> None:
        self.pos.stage = min(self.pos.stage + 1, len(_STAGES) - 1)
        self.call_back()

    @precondition(lambda self: self.pos.state == "placed" and self.pos.stage < 2)
    @rule()
    def the_till_cancels(self) -> None:
        self.pos.state = "cancelled"
        self.call_back()

    @precondition(lambda self: self.callbacks)
    @rule(data=st.data())
    def a_callback_arrives_late_or_twice(self, data: st.DataObject) -> None:
        self.hear(data.draw(st.sampled_from(self.callbacks)))

    @rule(by=st.sampled_from([c.CHANNEL, c.STAFF]))
    def somebody_cancels(self, by: c.Party) -> None:
        self.hear(c.RequestCancel(by, ReasonCode.CANCELLED_BY_GUEST))

    @rule(command=st.sampled_from(_STAFF))
    def staff_act(self, command: c.StaffCommand) -> None:
        taken = self.hear(command)
        self.by_hand |= Step.ACCEPT in taken
        self.finished |= bool(taken & {Step.FINISH, Step.COMPLETE})
        self.seen_to |= Step.RESOLVE in taken

    @precondition(lambda self: self.under_way is None)
    @rule()
    def a_fault_of_ours_parks_the_order(self) -> None:
        self.hear(c.Park("again and again"))

    @rule()
    def the_channel_sends_the_order_again(self) -> None:
        self.hear(c.RepeatOrder())

    @rule(held=st.booleans())
    def the_pos_is_held_to_be_gone_or_back(self, held: bool) -> None:
        self.hear(c.HoldCall(self.now + timedelta(seconds=20)) if held else c.ReleaseCall())

    @invariant()
    def there_is_one_ticket_at_most_and_one_end(self) -> None:
        if not hasattr(self, "order"):
            return
        ends = {EventKind.REJECTED, EventKind.CANCELLED, EventKind.COMPLETED}
        assert self.pos.tickets <= 1
        assert sum(kind in ends for kind in self.told) == (self.order.status in FINAL)
        assert self.told.count(EventKind.CONFIRMED) <= 1
        assert not (self.order.parked and self.order.cancel_wanted and self.order.status not in FINAL)
        assert (EventKind.CANCELLED in self.told) == (self.order.status is Status.CANCELLED)

    def teardown(self) -> None:
        if not hasattr(self, "order"):
            return
        if self.order.status not in FINAL:
            self.hear(c.Unpark(c.STAFF))  # by then somebody has looked
        self._settle()
        order, pos = self.order, self.pos
        if order.status in (Status.REJECTED, Status.FAILED, Status.CANCELLED):
            assert not pos.has_ticket or order.attention is not None or self.seen_to, (order, pos.state)
        elif self.by_hand:
            assert order.ticket is Ticket.BOTH or not pos.has_ticket, (order, pos.state)
        else:
            assert pos.state == "placed" or self.finished, (order, pos.state)
            assert order.status is (Status.COMPLETED if pos.stage == 3 else order.status)
        for callback in self.callbacks:  # everything once more changes nothing
            self.hear(callback)
        assert _lasting(self.order) == _lasting(order)
        self.there_is_one_ticket_at_most_and_one_end()

    def _settle(self) -> None:
        """The network and the POS behave from now on: all that is due is done, and the POS reports what it has."""
        for _ in range(200):
            while self.strays:
                self.pos.handle(self.strays.pop(), self.now)
            if self.pos.state == "pending":
                self.pos.state = "placed"
            self.call_back()
            if self.callbacks:
                self.hear(self.callbacks[-1])
            if self.under_way is not None:
                self.hear(self.under_way[1] or self.pos.handle(self.under_way[0], self.now))
                self.under_way = None
            due_at = next_at(self.order)
            if due_at is None:
                return
            self.now = max(self.now, due_at)
            self.the_hub_does_what_is_due()
        raise AssertionError(f"it never comes to rest: {self.order}")


def _lasting(order: Order) -> Order:
    """An order without what only says when to look again."""
    return replace(order, version=0, attempts=0, wait_until=None, held=False)


TestAnyInterleaving = AnyInterleaving.TestCase
TestAnyInterleaving.settings = settings(max_examples=examples(400), stateful_step_count=40, deadline=None)
