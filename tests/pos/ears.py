"""A hub's ear for callbacks: a real server that verifies what it hears, after doing badly as often as a test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from heard.domain.pos import PosAnswer
from heard.domain.stores import Amounts, SignatureScheme
from heard.net.listening import listening
from heard.net.serving import serve
from heard.protocols.posnext import auth, decode
from lengths import patience

HANG = 0


@dataclass(slots=True)
class Ear:
    """What it heard, in order. `badly`: the statuses that it answers with first; HANG: none."""

    shared_id: str
    badly: list[int] = field(default_factory=list)
    tries: int = 0
    heard: list[PosAnswer] = field(default_factory=list)
    url: str = ""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.tries += 1
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        status = self.badly.pop(0) if self.badly else 204
        if status == HANG:
            await self.over.wait()
            return
        if status == 204:
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            said = decode.decode_answer(body, Amounts.MINOR)
            now = datetime.now(UTC)
            auth.verify_token(headers.get("authorization"), [self.shared_id], now, said.organization_id)
            digest = headers.get(auth.DIGEST_HEADER)
            auth.verify_answer(said, body, digest, [self.shared_id], SignatureScheme.DIGEST)
            self.heard.append(said)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    def of(self, request_uid: str) -> list[PosAnswer]:
        return [said for said in self.heard if said.request_uid == request_uid]

    async def until(self, count: int) -> list[PosAnswer]:
        """Wait until it has heard so many."""
        async with patience():
            while len(self.heard) < count:
                await asyncio.sleep(0.02)
        return self.heard


@asynccontextmanager
async def an_ear(shared_id: str, *badly: int, port: int = 0) -> AsyncIterator[Ear]:
    """An ear on a port of 127.0.0.1; gone on leaving."""
    ear = Ear(shared_id, list(badly))
    with listening("127.0.0.1", port) as bound:
        ear.url = f"http://127.0.0.1:{bound.getsockname()[1]}/callbacks"
        serving = asyncio.create_task(serve(ear, bound))
        try:
            yield ear
        finally:
            ear.over.set()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
