"""Orders that are paid through Stripe, from their receipt to their end, against a server that speaks its calls."""

import pytest
from stand_in import SECRET, a_stand_in

from builders import ORGANIZATION
from heard.domain.order.model import Status
from heard.domain.payments import PaymentState, ProviderKind
from heard.engine.payment_provider import set_provider
from heard.sandbox.pos import Mood
from parties import a_town
from paying import pay_and_order, until_paid

P = PaymentState


@pytest.mark.parametrize(
    ("method", "mood", "trouble", "ends"),
    [
        ("pm_card_visa", Mood.WELL, {}, P.CAPTURED),
        ("pm_card_visa", Mood.WELL, {"confirm": ["unheard"], "capture": ["cut", "unheard"]}, P.CAPTURED),
        ("pm_card_visa", Mood.REFUSE, {"cancel": ["passing"]}, P.VOIDED),
        ("pm_no_funds", Mood.WELL, {}, P.DECLINED),
    ],
)
async def test_money_is_kept_at_stripe_for_a_confirmed_order_alone(
    dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    mood: Mood,
    trouble: dict[str, list[str]],
    ends: PaymentState,
) -> None:
    monkeypatch.setattr("heard.limits.PAYMENT_RETRY_CAP_S", 0.05)
    async with a_stand_in() as (stripe, url), a_town(dsn, mood=lambda _: mood) as town:
        stripe.trouble = {name: list(troubles) for name, troubles in trouble.items()}
        await set_provider(town.house.hub, ORGANIZATION, ProviderKind.STRIPE, SECRET, url)
        order_id = await pay_and_order(town, 1403, method=method)
        order = await until_paid(town, order_id)
        assert (order.payment, order.attention) == (ends, None)
        confirmed = order.status not in (Status.REJECTED, Status.FAILED, Status.CANCELLED)
        assert (stripe.held, stripe.kept, confirmed) == (0, 1403 if ends is P.CAPTURED else 0, ends is P.CAPTURED)
        assert max(stripe.done.values()) == 1
        told = await town.house.hub.pool.fetch("SELECT * FROM exchanges")
        story = repr([await town.history(order_id), order, [dict(row) for row in told]])
        assert SECRET not in story
        assert method not in story
