"""One claimed webhook delivery: sign, send, settle. A 2xx acknowledges; anything else is tried again or is dead."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from heard import limits
from heard.domain import retry
from heard.domain.endpoints import GONE, IS_DISABLED, DeliveryState, failed_for_too_long
from heard.engine import metrics
from heard.engine.hub import Hub
from heard.engine.webhook_endpoints import disable_endpoint
from heard.net.call import Answer, Call, NoAnswer
from heard.net.outbound import Outbound
from heard.protocols.webhooks import encode
from heard.storage.deliveries import Delivery, EndpointHealth, Settlement
from heard.storage.rows import Exchange
from heard.storage.sealing import SealError
from heard.work.orders import exchange_of

Settle = Callable[[Settlement], Awaitable[EndpointHealth | None]]


async def deliver(hub: Hub, outbound: Outbound, delivery: Delivery, settle: Settle) -> None:
    """Make one attempt and write down what came of it, fenced by the delivery's lease."""
    if delivery.disabled_at is not None:
        await settle(_never_sent(hub, delivery, f"{IS_DISABLED}: {delivery.disabled_why}"))
        return
    if delivery.attempts > limits.DELIVERY_TRIES_MAX and delivery.now >= delivery.give_up_at:
        await settle(_never_sent(hub, delivery, "its attempts came to no end; the hub's log says why"))
        return
    try:
        secrets = _secrets(hub, delivery)
    except SealError as error:
        await settle(_never_sent(hub, delivery, str(error)))
        return
    headers = encode.headers_for(delivery.event_id, delivery.now, delivery.body, secrets)
    bounds = (limits.WEBHOOK_TIMEOUT_S, limits.WEBHOOK_ANSWER_BYTES_MAX)
    name = f"webhook {delivery.kind}"
    call = Call("POST", delivery.url, headers, delivery.body, *bounds, whole=False, name=name)
    begun = time.perf_counter()
    answer = await outbound.send(call)
    took_s = time.perf_counter() - begun
    exchange = exchange_of(call, answer, delivery.now, took_s * 1000, "channel")
    metrics.made(exchange)
    end = _end_of(hub, delivery, answer, exchange, took_s)
    if isinstance(answer, Answer) and answer.status == 410:  # before the order's next event may go
        await disable_endpoint(hub, delivery.organization_id, delivery.endpoint_id, GONE)
    health = await settle(end)
    if health is not None:
        why = failed_for_too_long(health.failures, health.failing_since, health.now)
        if why is not None:
            await disable_endpoint(hub, delivery.organization_id, delivery.endpoint_id, why)


def _secrets(hub: Hub, delivery: Delivery) -> list[str]:
    """The endpoint's secret, and the one before while both count. Raises SealError."""
    sealed = [delivery.secret_sealed, *([delivery.old_secret_sealed] if delivery.old_secret_sealed else [])]
    return [hub.sealer.open(one, f"endpoint {delivery.endpoint_id}") for one in sealed]


def _end_of(hub: Hub, delivery: Delivery, answer: Answer | NoAnswer, exchange: Exchange, took_s: float) -> Settlement:
    exchange_id = hub.new_id("exc", delivery.now)
    if isinstance(answer, Answer) and 200 <= answer.status < 300:
        return Settlement(delivery, DeliveryState.DELIVERED, None, exchange_id, exchange)
    asked_s = 0.0
    if isinstance(answer, Answer):
        # Of what went well nobody reads the answer.
        exchange = replace(exchange, error=f"the endpoint answered {answer.status}", answer=answer.body)
        asked_s = answer.asked_to_wait_s(delivery.now)
    # Our reading: an order's events fit into the acceptance time, counted from the event itself; others have a ladder.
    delay_s = retry.delivery_delay_s(
        of_order=delivery.order_id is not None,
        failures=delivery.attempts,
        chance=hub.chance(),
        asked_s=asked_s,
        left_s=(delivery.give_up_at - delivery.now).total_seconds() - took_s,
    )
    if isinstance(answer, Answer) and answer.status == 410:
        delay_s = None
    state = DeliveryState.DEAD if delay_s is None else DeliveryState.DUE
    return Settlement(delivery, state, delay_s, exchange_id, exchange)


def _never_sent(hub: Hub, delivery: Delivery, reason: str) -> Settlement:
    """Dead without an attempt, for a reason that says nothing about who would have got it."""
    call = Call("POST", delivery.url, {}, None, 0.0, 0)
    exchange = exchange_of(call, NoAnswer(reason, sent=False), delivery.now, 0.0, "channel")
    exchange_id = hub.new_id("exc", delivery.now)
    return Settlement(delivery, DeliveryState.DEAD, None, exchange_id, exchange, telling=False)
