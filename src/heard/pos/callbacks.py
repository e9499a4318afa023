"""Bringing answers to hubs that were promised them: signed, through the address guard, tried until heard or too old."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime

import structlog

from heard import limits
from heard.domain import retry
from heard.domain.stores import PosConnection
from heard.net.call import Answer, Call, NoAnswer
from heard.net.outbound import Outbound
from heard.pos.options import Options
from heard.pos.store import DueCallback, Store
from heard.protocols.posnext import auth, decode

log = structlog.get_logger()

_ANSWER_BYTES_MAX = limits.WEBHOOK_ANSWER_BYTES_MAX
_LEASE_S = limits.POS_CALL_TIMEOUT_S + limits.KIT_LEASE_S


async def call_back(store: Store, outbound: Outbound, options: Options, clock: Callable[[], datetime]) -> int:
    """Make one try at everything that is due; how many that were."""
    due = await store.due_callbacks(_LEASE_S)
    await asyncio.gather(*(_deliver(one, store, outbound, options, clock()) for one in due))
    return len(due)


async def _deliver(callback: DueCallback, store: Store, outbound: Outbound, options: Options, now: datetime) -> None:
    answer = await outbound.send(_call(callback, options, now))
    about = {"request_uid": callback.request_uid, "tries": callback.attempts + 1}
    if isinstance(answer, Answer) and (200 <= answer.status < 300):
        await store.callback_heard(callback)
        log.info("called back", **about)
        return
    why = answer.reason if isinstance(answer, NoAnswer) else f"it answered {answer.status}"
    if callback.age_s > limits.CALLBACK_FOR_S:
        await store.callback_heard(callback)
        log.error("callback given up", why=why, **about)
        return
    delay_s = retry.full_jitter_s(callback.attempts + 1, random.random(), 1.0, limits.CALLBACK_CAP_S)  # noqa: S311
    if isinstance(answer, Answer):
        delay_s = max(delay_s, answer.retry_after_s or 0.0)
    await store.callback_failed(callback, delay_s)
    log.warning("callback not heard", why=why, next_in_s=round(delay_s, 1), **about)


def _call(callback: DueCallback, options: Options, now: datetime) -> Call:
    """Signed with the SharedId in use; a hub that still has the one before it hears every second try."""
    shared_id = options.shared_ids[callback.attempts % len(options.shared_ids)]
    connection = PosConnection("", shared_id, options.amounts, options.signature)
    said = decode.decode_answer(callback.body, options.amounts)
    jti = f"cb-{callback.request_uid}-{callback.number}-{callback.attempts}"
    headers = {
        "authorization": f"Bearer {auth.make_token(shared_id, said.organization_id or '', now, jti)}",
        auth.DIGEST_HEADER: auth.sign_answer(said, callback.body, connection),
        "content-type": "application/json",
    }
    return Call("POST", callback.url, headers, callback.body, limits.POS_CALL_TIMEOUT_S, _ANSWER_BYTES_MAX, whole=False)
