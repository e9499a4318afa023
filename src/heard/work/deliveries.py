"""One claimed webhook delivery: sign, send, settle. A 2xx acknowledges; anything else is tried again or is dead."""

import time
from dataclasses import replace
from datetime import timedelta

from heard import limits
from heard.domain import retry
from heard.engine.hub import Hub
from heard.net.call import Answer, Call, NoAnswer
from heard.net.outbound import Outbound
from heard.protocols.webhooks import encode
from heard.storage import deliveries
from heard.storage.deliveries import Delivery, DeliveryState
from heard.storage.rows import Exchange
from heard.storage.sealing import SealError
from heard.work.orders import exchange_of


async def deliver(hub: Hub, outbound: Outbound, delivery: Delivery) -> None:
    """Make one attempt and write down what came of it, fenced by the delivery's lease."""
    if delivery.disabled_at is not None:
        await _settle(hub, delivery, _unsent(delivery, "the endpoint is disabled"), DeliveryState.DEAD)
        return
    try:
        secret = hub.sealer.open(delivery.secret_sealed, f"endpoint {delivery.endpoint_id}")
    except SealError as error:
        await _settle(hub, delivery, _unsent(delivery, str(error)), DeliveryState.DEAD)
        return
    headers = encode.headers_for(delivery.event_id, delivery.now, delivery.body, [secret])
    bounds = (limits.WEBHOOK_TIMEOUT_S, limits.WEBHOOK_ANSWER_BYTES_MAX)
    call = Call("POST", delivery.url, headers, delivery.body, *bounds, whole=False)
    begun = time.perf_counter()
    answer = await outbound.send(call)
    exchange = exchange_of(call, answer, delivery.now, (time.perf_counter() - begun) * 1000, "channel")
    if isinstance(answer, Answer) and 200 <= answer.status < 300:
        await _settle(hub, delivery, exchange, DeliveryState.DELIVERED)
        return
    gone = isinstance(answer, Answer) and answer.status == 410
    delay_s, late = _next_try(delivery, hub.chance())
    if isinstance(answer, Answer):
        exchange = replace(exchange, error=f"the endpoint answered {answer.status}")
        delay_s = max(delay_s, answer.retry_after_s or 0.0)
    late = late or delivery.now + timedelta(seconds=delay_s) >= delivery.give_up_at
    state = DeliveryState.DEAD if gone or late else DeliveryState.DUE
    await _settle(hub, delivery, exchange, state, delay_s, disable=gone)


def _next_try(delivery: Delivery, chance: float) -> tuple[float, bool]:
    """Seconds until the next attempt, and whether there is none left.

    Our reading: an order's events fit into the acceptance time counted from the event itself; a store's have a ladder.
    """
    if delivery.order_id is not None:
        return retry.order_event_delay_s(delivery.attempts, chance), False
    delay_s = retry.store_event_delay_s(delivery.attempts, chance)
    return delay_s or 0.0, delay_s is None


async def _settle(
    hub: Hub,
    delivery: Delivery,
    exchange: Exchange,
    state: DeliveryState,
    delay_s: float = 0.0,
    *,
    disable: bool = False,
) -> None:
    next_at = delivery.now + timedelta(seconds=delay_s) if state is DeliveryState.DUE else None
    exchange_id = hub.new_id("exc", delivery.now)
    async with hub.connection() as connection:
        await deliveries.settle(connection, delivery, state, next_at, exchange_id, exchange, disable_endpoint=disable)
    hub.wake()  # the order's next event may go now


def _unsent(delivery: Delivery, reason: str) -> Exchange:
    call = Call("POST", delivery.url, {}, None, 0.0, 0)
    return exchange_of(call, NoAnswer(reason, sent=False), delivery.now, 0.0, "channel")
