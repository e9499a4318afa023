"""Bringing answers to hubs that were promised them: signed, through the address guard, tried until heard or too old."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime

import structlog

from heard import limits
from heard.domain import retry
from heard.net.call import Answer, Call, NoAnswer
from heard.net.outbound import Outbound
from heard.pos.options import Options
from heard.pos.store import DueCallback, Store
from heard.protocols.posnext import auth, decode

log = structlog.get_logger()

_ANSWER_BYTES_MAX = limits.WEBHOOK_ANSWER_BYTES_MAX
_LEASE_S = limits.POS_CALL_TIMEOUT_S + limits.KIT_LEASE_S


class Callbacks:
    """One kit's callbacks, each under way by itself: a hub that hangs keeps nobody else waiting."""

    def __init__(self, store: Store, outbound: Outbound, options: Options, clock: Callable[[], datetime]) -> None:
        self._store, self._outbound, self._options, self._clock = store, outbound, options, clock
        self._under_way: set[asyncio.Task[None]] = set()

    async def look(self) -> None:
        """Begin a try at everything that is due, as far as there is room."""
        room = limits.CALLBACKS_AT_ONCE_MAX - len(self._under_way)
        if room > 0:
            for callback in await self._store.due_callbacks(_LEASE_S, room):
                task = asyncio.create_task(self._bring(callback))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        """Cut off what is under way: it is due again when its lease ends."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _bring(self, callback: DueCallback) -> None:
        try:
            await self._try(callback)
        except Exception:
            log.exception("a callback was not brought", request_uid=callback.key.request_uid)

    async def _try(self, callback: DueCallback) -> None:
        answer = await self._outbound.send(_call(callback, self._options, self._clock()))
        about = {"request_uid": callback.key.request_uid, "tries": callback.attempts + 1}
        if isinstance(answer, Answer) and (200 <= answer.status < 300):
            await self._store.callback_heard(callback)
            log.info("called back", **about)
            return
        why = answer.reason if isinstance(answer, NoAnswer) else f"it answered {answer.status}"
        if callback.age_s > limits.CALLBACK_FOR_S:
            await self._store.callback_heard(callback)
            log.error("callback given up", why=why, **about)
            return
        delay_s = retry.full_jitter_s(callback.attempts + 1, random.random(), 1.0, limits.CALLBACK_CAP_S)  # noqa: S311
        if isinstance(answer, Answer):
            delay_s = max(delay_s, answer.retry_after_s or 0.0)
        await self._store.callback_failed(callback, delay_s)
        log.warning("callback not heard", why=why, next_in_s=round(delay_s, 1), **about)


def _call(callback: DueCallback, options: Options, now: datetime) -> Call:
    """Signed with the SharedId in use; a hub that still has the one before it hears every second try."""
    shared_id = options.shared_ids[callback.attempts % len(options.shared_ids)]
    said = decode.decode_answer(callback.body, options.amounts)
    jti = f"cb-{callback.key.request_uid}-{callback.number}-{callback.attempts}"
    headers = {
        "authorization": f"Bearer {auth.make_token(shared_id, said.organization_id or '', now, jti)}",
        auth.DIGEST_HEADER: auth.sign_answer(said, callback.body, options.connection(shared_id)),
        "content-type": "application/json",
    }
    return Call("POST", callback.url, headers, callback.body, limits.POS_CALL_TIMEOUT_S, _ANSWER_BYTES_MAX, whole=False)
