"""The provider for Stripe against a server that speaks its calls: each goes well, wrong, unheard, and again."""

from collections.abc import AsyncIterator
from itertools import product

import pytest
from stand_in import SECRET, StandIn, a_stand_in

from builders import ORGANIZATION
from heard.domain.ids import PaymentId
from heard.domain.money import Cents
from heard.domain.payments import PaymentStep
from heard.net.guard import AddressGuard
from heard.net.outbound import Outbound
from heard.payments.contract import Authorized, Charge, Declined, Done, NoOutcome, Record, Refused
from heard.payments.stripe_provider import StripeProvider

S = PaymentStep
LOCAL = AddressGuard(["127.0.0.0/8"])


class Desk:
    """The provider with one payment, and what stands in for Stripe."""

    def __init__(self, stripe: StandIn, provider: StripeProvider) -> None:
        self.stripe, self.provider, self.record = stripe, provider, Record()
        self.charge = self.a_charge()

    def a_charge(self, method: str | None = "pm_card_visa", amount: int = 1403, currency: str = "USD") -> Charge:
        return Charge(ORGANIZATION, PaymentId("pay_01kk0000000000000000000001"), Cents(amount), currency, method)

    async def authorize(self, *, ended: bool = False) -> Authorized | Declined | NoOutcome:
        return await self.provider.authorize(self.charge, self.charge.key(S.AUTHORIZE), self.record, ended=ended)

    async def authorized(self) -> str:
        outcome = await self.authorize()
        assert isinstance(outcome, Authorized)
        return outcome.ref

    async def capture(self, ref: str) -> Done | Refused | NoOutcome:
        return await self.provider.capture(self.charge, ref, self.charge.key(S.CAPTURE), self.record)

    async def void(self, ref: str) -> Done | Refused | NoOutcome:
        return await self.provider.void(self.charge, ref, self.charge.key(S.VOID), self.record)

    async def refund(self, ref: str) -> Done | Refused | NoOutcome:
        return await self.provider.refund(self.charge, ref, self.charge.key(S.REFUND), self.record)


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr("heard.limits.PAYMENT_CALL_TIMEOUT_S", 0.5)
    async with a_stand_in() as (stripe, url), Outbound(LOCAL) as outbound:
        yield Desk(stripe, StripeProvider(outbound, SECRET, url))


async def test_a_payment_is_held_then_taken_then_given_back(desk: Desk) -> None:
    ref = await desk.authorized()
    assert (desk.stripe.held, desk.stripe.kept) == (1403, 0)
    assert await desk.capture(ref) == Done()
    assert (desk.stripe.held, desk.stripe.kept) == (0, 1403)
    assert await desk.refund(ref) == Done()
    assert desk.stripe.kept == 0
    assert [(one.method, one.path, one.status) for one in desk.record.made] == [
        ("POST", "/v1/payment_intents", 200),
        ("POST", "/v1/payment_intents/pi_1/confirm", 200),
        ("POST", "/v1/payment_intents/pi_1/capture", 200),
        ("POST", "/v1/refunds", 200),
    ]


async def test_a_payment_is_held_then_let_go(desk: Desk) -> None:
    ref = await desk.authorized()
    assert await desk.void(ref) == Done()
    assert (desk.stripe.held, desk.stripe.kept) == (0, 0)


TROUBLES = ("cut", "unheard", "hang", "passing", "locked", "fault")
CALLS = ("payment_intents", "confirm", "capture", "cancel", "refunds")
# But for a fault that is kept under an intent's key: no intent is made then.
WRONG = sorted(set(product(CALLS, TROUBLES)) - {("payment_intents", "fault")})


@pytest.mark.parametrize(("at", "trouble"), WRONG)
async def test_whatever_a_call_meets_asking_again_ends_well_and_is_done_once(desk: Desk, at: str, trouble: str) -> None:
    desk.stripe.trouble = {at: [trouble]}
    outcome = await desk.authorize()
    for _ in range(3):
        if isinstance(outcome, NoOutcome):
            assert at in ("payment_intents", "confirm")
            outcome = await desk.authorize()
    assert isinstance(outcome, Authorized)
    steps = (desk.void,) if at == "cancel" else (desk.capture, desk.refund)
    for step in steps:
        done = await step(outcome.ref)
        for _ in range(3):
            done = await step(outcome.ref) if isinstance(done, NoOutcome) else done
        assert done == Done()
    assert desk.stripe.trouble == {at: []}
    assert (desk.stripe.held, desk.stripe.kept) == (0, 0)
    assert set(desk.stripe.done.values()) == {1}


async def test_a_fault_that_stripe_keeps_under_the_key_of_an_intent_holds_nothing_for_good(desk: Desk) -> None:
    desk.stripe.trouble = {"payment_intents": ["fault"]}
    assert isinstance(await desk.authorize(), NoOutcome)
    assert isinstance(await desk.authorize(), Declined)
    assert desk.stripe.intents == {}


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("pm_card_chargeDeclined", "Your card was declined."),
        ("pm_no_funds", "Your card has insufficient funds."),
        ("pm_bank_asks", "the guest's bank asks for more than this hub can"),
        ("pm_unknown", "No such PaymentMethod: 'pm_unknown'"),
        (None, "no payment method was given"),
    ],
)
async def test_what_cannot_be_paid_is_declined_in_stripe_s_words_and_can_never_be_paid(
    desk: Desk, method: str | None, said: str
) -> None:
    desk.charge = desk.a_charge(method)
    assert await desk.authorize() == Declined(said)
    assert isinstance(await desk.authorize(), Declined)
    assert {one["status"] for one in desk.stripe.intents.values()} <= {"canceled"}


@pytest.mark.parametrize("at", ["payment_intents", "confirm"])
@pytest.mark.parametrize("trouble", ["cut", "unheard", "hang"])
async def test_once_the_order_has_ended_nothing_new_is_held_and_what_is_held_is_told(
    desk: Desk, at: str, trouble: str
) -> None:
    desk.stripe.trouble = {at: [trouble], "read": ["cut"]}
    assert isinstance(await desk.authorize(), NoOutcome)
    desk.stripe.trouble = {}
    outcome = await desk.authorize(ended=True)
    if (at, trouble) == ("confirm", "unheard"):
        assert outcome == Authorized("pi_1")
        assert await desk.void("pi_1") == Done()
    else:
        assert outcome == Declined("the order had ended")
    assert desk.stripe.held == 0
    assert {one["status"] for one in desk.stripe.intents.values()} <= {"canceled"}


async def test_what_stripe_once_refused_it_may_take_later_though_it_keeps_its_no_under_the_key(desk: Desk) -> None:
    desk.stripe.trouble = {"capture": ["refused", ""]}
    ref = await desk.authorized()
    assert await desk.capture(ref) == Refused("Your account cannot do this now")
    assert await desk.capture(ref) == Done()
    desk.stripe.trouble = {"refunds": ["refused", "", "refused"]}
    assert await desk.refund(ref) == Refused("Your account cannot do this now")
    assert await desk.refund(ref) == Refused("Your account cannot do this now")  # really asked, and refused again
    assert await desk.refund(ref) == Done()
    assert await desk.refund(ref) == Done()
    assert (desk.stripe.done["capture"], desk.stripe.done["refund"], desk.stripe.kept) == (1, 1, 0)


async def test_a_void_that_stripe_once_refused_is_asked_for_again(desk: Desk) -> None:
    desk.stripe.trouble = {"cancel": ["refused", ""]}
    ref = await desk.authorized()
    assert await desk.void(ref) == Refused("Your account cannot do this now")
    assert await desk.void(ref) == Done()
    assert desk.stripe.held == 0


async def test_a_capture_that_comes_too_late_is_refused(desk: Desk) -> None:
    desk.charge = desk.a_charge("pm_expires")
    ref = await desk.authorized()
    assert await desk.capture(ref) == Refused("the payment is canceled at Stripe")


async def test_a_payment_that_was_taken_at_stripe_by_hand_is_not_let_go(desk: Desk) -> None:
    ref = await desk.authorized()
    await desk.capture(ref)
    assert await desk.void(ref) == Refused("the payment is succeeded at Stripe")


async def test_stripe_is_given_the_time_it_asks_for(desk: Desk) -> None:
    desk.stripe.trouble = {"payment_intents": ["busy"]}
    outcome = await desk.authorize()
    assert isinstance(outcome, NoOutcome)
    assert outcome.retry_after_s == 7.0


async def test_a_wrong_key_decides_nothing_and_shows_in_no_word(desk: Desk) -> None:
    desk.provider._secret = "sk_live_of_somebody_else"
    outcome = await desk.authorize()
    assert outcome == NoOutcome("Stripe does not take the secret key")
    assert "sk_" not in repr((outcome, desk.record, desk.charge))
    assert "pm_" not in repr(desk.charge)


async def test_another_body_under_a_key_decides_nothing(desk: Desk) -> None:
    """It would mean that the first one was carried out."""
    await desk.authorized()
    desk.charge = desk.a_charge(amount=999)
    assert isinstance(await desk.authorize(), NoOutcome)


async def test_amounts_are_in_the_currency_s_smallest_coin(desk: Desk) -> None:
    desk.charge = desk.a_charge(amount=120_000, currency="JPY")
    ref = await desk.authorized()
    assert (desk.stripe.intents[ref]["amount"], desk.stripe.intents[ref]["currency"]) == (1200, "jpy")
    desk.charge = desk.a_charge(amount=120_050, currency="JPY")
    assert await desk.authorize() == Declined("no such amount can be paid")


async def test_nothing_of_this_machine_is_told_and_no_other_address_is_called(desk: Desk) -> None:
    await desk.authorized()
    for headers in desk.stripe.headers:
        assert headers["user-agent"].startswith("heard/")
        assert not {name for name in headers if name.startswith("x-stripe")}
    async with Outbound(AddressGuard([])) as outbound:
        provider = StripeProvider(outbound, SECRET, desk.provider._url)
        outcome = await provider.authorize(desk.charge, "other", Record(), ended=False)
    assert isinstance(outcome, NoOutcome)
    assert "the address is refused" in outcome.reason
