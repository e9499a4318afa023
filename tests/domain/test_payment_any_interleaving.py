"""Any interleaving of a paid order's calls, losses, crashes, cancels, deadlines and staff keeps no money wrongly.

The hub is `decide` and `plan`; POS and provider are small models that carry a request out as often as it arrives, once
for each key. Money is taken once at most and never more than was authorized; in the end it is kept exactly for an
order that is confirmed, or a person is told.
"""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from test_order_any_interleaving import _HOUSE, _STAFF, ModelPos

from builders import NOW, a_moment, an_order
from heard.domain.order import commands as c
from heard.domain.order.decide import decide, receive
from heard.domain.order.lifecycle import ENDED, FINAL, KEPT
from heard.domain.order.model import Attention, Party, ReasonCode, Ticket
from heard.domain.order.plan import PAYMENT_CALLS, Task, next_at, task_at
from heard.domain.payments import SETTLED, PaymentState, PaymentStep
from lengths import examples

P = PaymentState
S = PaymentStep


class ModelProvider:
    """One payment's provider: what it holds and what it took, in cents; each call is carried out once per key."""

    def __init__(self, mood: str) -> None:
        self.mood = mood
        self.held = self.taken = self.given_back = 0
        self.captures = 0
        self.was_held = False
        self.answers: dict[Task, c.Command] = {}

    @property
    def kept(self) -> int:
        return self.taken - self.given_back

    def handle(self, task: Task, amount: int) -> c.Command:
        """Carry a call out, as often as it arrives; the answer, in the hub's words."""
        if task not in self.answers:
            self.answers[task] = self._carry_out(task, amount)
        return self.answers[task]

    def _carry_out(self, task: Task, amount: int) -> c.Command:
        match task:
            case Task.AUTHORIZE:
                if self.mood == "declines":
                    return c.RefusePayment(S.DECLINE, "no funds")
                self.held, self.was_held = amount, True
                return c.PassPayment(S.GRANT, "ref-1")
            case Task.CAPTURE:
                assert self.held >= amount, "more is taken than was authorized"
                if self.mood == "refuses the capture":
                    return c.RefusePayment(S.REFUSE_CAPTURE, "expired")
                self.held, self.taken = 0, self.taken + amount
                self.captures += 1
                return c.PassPayment(S.TAKE)
            case Task.VOID:
                assert not self.taken, "a captured payment is refunded"
                self.held = 0
                return c.PassPayment(S.RELEASE)
            case _:
                assert self.kept >= amount, "more is given back than was taken"
                self.given_back += amount
                return c.PassPayment(S.RETURN)


class AnyPayment(RuleBasedStateMachine):
    """The hub has one call under way at most; what its network does with it is another matter."""

    @initialize(
        mood=st.sampled_from(["placed", "pending", "refuse"]),
        money=st.sampled_from(["goes well", "goes well", "declines", "refuses the capture"]),
        later=st.booleans(),
        head_start=st.sampled_from([0, 0, 2, 4, 5, 6, 8, 12]),
    )
    def begin(self, mood: str, money: str, later: bool, head_start: int) -> None:
        """`head_start`: so many calls go well before anything else happens."""
        self.now = NOW
        release = {"release_at": NOW + timedelta(seconds=90)} if later else {}
        self.order = receive(an_order(payment=P.DUE, **release), a_moment()).order
        self.pos = ModelPos(mood, "served", self.order.accept_by)
        self.provider = ModelProvider(money)
        self.under_way: tuple[Task, c.Command | None] | None = None
        self.strays: list[Task] = []
        self.seen_to = False
        for _ in range(head_start):
            self.now = max(self.now, next_at(self.order) or self.now)
            self.calls_go_well(1)

    def hear(self, command: c.Command) -> None:
        before = self.order
        self.order = decide(self.order, command, a_moment((self.now - NOW).total_seconds())).order
        assert self.order.status is before.status or before.status not in FINAL
        assert self.order.payment is before.payment or before.payment not in SETTLED

    def handle(self, task: Task) -> c.Command:
        if task in PAYMENT_CALLS:
            return self.provider.handle(task, self.order.total)
        assert task is not Task.SUBMIT or self.provider.was_held, "the POS hears of an order that nobody has paid for"
        return self.pos.handle(task, self.now)

    @rule(seconds=st.sampled_from([0.5, 5.0, 60.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(late=st.sampled_from([False, False, False, True]))
    def the_deadline_passes(self, late: bool) -> None:
        self.now = max(self.now, self.order.accept_by) if late else self.now

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
        if task in PAYMENT_CALLS:
            self.hear(c.SendPayment(PAYMENT_CALLS[task]))
        self.under_way = (task, None)

    @precondition(lambda self: self.under_way is None)
    @rule(times=st.integers(1, 6))
    def calls_go_well(self, times: int) -> None:
        for _ in range(times):
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

    @precondition(lambda self: self.under_way is not None)
    @rule()
    def the_request_arrives(self) -> None:
        assert self.under_way is not None
        self.under_way = (self.under_way[0], self.handle(self.under_way[0]))

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
            self.hear(lost(task))

    @precondition(lambda self: self.strays)
    @rule(data=st.data(), again=st.booleans())
    def a_stray_request_arrives(self, data: st.DataObject, again: bool) -> None:
        task = data.draw(st.sampled_from(self.strays))
        self.handle(task)
        if not again:
            self.strays.remove(task)

    @precondition(lambda self: self.pos.state == "pending")
    @rule(to=st.sampled_from(["placed", "refused"]))
    def the_pos_makes_up_its_mind(self, to: str) -> None:
        self.pos.state = to

    @rule(by=st.sampled_from([None, None, None, c.CHANNEL, c.STAFF]))
    def somebody_cancels(self, by: Party | None) -> None:
        """Seldom: an order that has ended has little left to tell."""
        if by is not None:
            self.hear(c.RequestCancel(by, ReasonCode.CANCELLED_BY_GUEST))

    @rule(command=st.sampled_from(_STAFF))
    def staff_act(self, command: c.StaffCommand) -> None:
        self.seen_to |= isinstance(command, c.ResolveAttention) and self.order.attention is not None
        self.hear(command)

    @precondition(lambda self: self.under_way is None)
    @rule()
    def a_fault_of_ours_parks_the_order(self) -> None:
        self.hear(c.Park("again and again"))

    @rule(held=st.booleans())
    def the_pos_is_held_to_be_gone_or_back(self, held: bool) -> None:
        self.hear(c.HoldCall(self.now + timedelta(seconds=20)) if held else c.ReleaseCall())

    @invariant()
    def money_is_taken_once_and_only_after_it_was_held(self) -> None:
        if not hasattr(self, "order"):
            return
        assert self.provider.captures <= 1
        assert 0 <= self.provider.given_back <= self.provider.taken <= self.order.total

    def teardown(self) -> None:
        if not hasattr(self, "order"):
            return
        if self.order.status not in FINAL:
            self.hear(c.Unpark(c.STAFF))  # by then somebody has looked
        self._settle()
        order, provider = self.order, self.provider
        if order.status in KEPT and provider.mood == "refuses the capture":
            assert provider.kept == 0
            assert order.attention is Attention.PAYMENT or order.attention is not None or self.seen_to
        elif order.status in KEPT:
            assert provider.kept == order.total, order
            assert order.payment is P.CAPTURED
        else:
            assert order.status in ENDED
            assert (provider.kept, provider.held) == (0, 0), order
            assert order.payment in SETTLED

    def _settle(self) -> None:
        """The network, the POS and the provider behave from now on: all that is due is done."""
        for _ in range(300):
            while self.strays:
                self.handle(self.strays.pop())
            if self.pos.state == "pending":
                self.pos.state = "placed"
            if self.under_way is not None:
                self.hear(self.under_way[1] or self.handle(self.under_way[0]))
                self.under_way = None
            due_at = next_at(self.order)
            if due_at is None:
                return
            self.now = max(self.now, due_at)
            self.the_hub_does_what_is_due()
        raise AssertionError(f"it never comes to rest: {self.order}")


def lost(task: Task) -> c.Command:
    if task in PAYMENT_CALLS:
        return c.FailPayment(PAYMENT_CALLS[task], "timed out")
    return c.FailAttempt("timed out", ticket_may_exist=task is Task.SUBMIT)


TestAnyPayment = AnyPayment.TestCase
TestAnyPayment.settings = settings(max_examples=examples(400), stateful_step_count=40, deadline=None)
