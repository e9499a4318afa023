"""One call to a payment provider about an order: made, recorded, and told in the words of the domain."""

from typing import assert_never

import structlog

from heard.domain.order import commands as c
from heard.domain.order.lifecycle import ENDED
from heard.domain.order.model import Order
from heard.domain.payments import PaymentStep, ProviderKind
from heard.engine.hub import Hub
from heard.engine.payment_provider import Account, find_account
from heard.net.outbound import Outbound
from heard.payments.built_in import BuiltIn
from heard.payments.contract import Authorized, Charge, Declined, Done, Made, NoOutcome, Provider, Record, Refused

log = structlog.get_logger()

_PASSED = {
    PaymentStep.CAPTURE: PaymentStep.TAKE,
    PaymentStep.VOID: PaymentStep.RELEASE,
    PaymentStep.REFUND: PaymentStep.RETURN,
}
Outcome = Authorized | Declined | Done | Refused | NoOutcome


async def ask_provider(hub: Hub, outbound: Outbound, order: Order, step: PaymentStep) -> tuple[c.OfPayment, list[Made]]:
    """Make the call that is under way, or make it again; what it means for the order, and what went over the wire.

    A fault of ours is no answer either: the call is made again later, and a person is told of it.
    """
    record = Record()
    try:
        outcome = await _ask(hub, outbound, order, step, record)
    except Exception:
        log.exception("a fault of ours", payment=step)
        outcome = NoOutcome("a fault of ours; see the hub's log")
    return meaning(step, outcome), record.made


def meaning(step: PaymentStep, outcome: Outcome) -> c.OfPayment:
    """An outcome in the words of the domain. Giving money back is never refused for good: it is asked for again."""
    match outcome:
        case Authorized(ref):
            return c.PassPayment(PaymentStep.GRANT, ref)
        case Declined(reason):
            return c.RefusePayment(PaymentStep.DECLINE, reason)
        case Done():
            return c.PassPayment(_PASSED[step])
        case Refused(reason) if step is PaymentStep.CAPTURE:
            return c.RefusePayment(PaymentStep.REFUSE_CAPTURE, reason)
        case Refused(reason):
            return c.FailPayment(step, reason)
        case NoOutcome(reason, retry_after_s):
            return c.FailPayment(step, reason, retry_after_s)
        case _:
            assert_never(outcome)


async def _ask(hub: Hub, outbound: Outbound, order: Order, step: PaymentStep, record: Record) -> Outcome:
    account = await find_account(hub, order)
    provider = _provider(hub, outbound, account)
    if provider is None:
        return NoOutcome("the secret key of the payment provider is missing; see `heard payments provider`")
    payment = account.payment
    # What was authorized is what is taken: the order's total, which was held against the payment's amount.
    charge = Charge(order.organization_id, payment.payment_id, order.total, order.currency, payment.payment_method)
    key = charge.key(step)
    if step is PaymentStep.AUTHORIZE:
        return await provider.authorize(charge, key, record, ended=order.status in ENDED)
    calls = {
        PaymentStep.CAPTURE: provider.capture,
        PaymentStep.VOID: provider.void,
        PaymentStep.REFUND: provider.refund,
    }
    assert order.payment_ref is not None  # the provider named it when it authorized
    return await calls[step](charge, order.payment_ref, key, record)


def _provider(hub: Hub, outbound: Outbound, account: Account) -> Provider | None:
    match account.payment.provider:
        case ProviderKind.TEST:
            return BuiltIn(hub.connection)
        case ProviderKind.STRIPE:
            from heard.payments.stripe_provider import StripeProvider  # a third of a second, of no use to most

            return StripeProvider(outbound, account.secret, account.url) if account.secret is not None else None
        case _:
            assert_never(account.payment.provider)
