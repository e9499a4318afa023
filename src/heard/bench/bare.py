"""The limit beside `heard bench life`: the same calls and the same number of commits, and no logic at all.

A program of its own (`python -m heard.bench.bare`), so that it has the same process, sockets and database as the hub.
It keeps the body that comes. What it sends are one order and one event that were made beforehand, so that the other
parties have as much to do. A path's number says which parties it calls.
"""

import argparse
import asyncio
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncpg
import uvicorn
from pyreqwest.client import Client, ClientBuilder

from heard.protocols.posnext.operations import SUBMIT, VALIDATE

_TABLE = "CREATE TABLE IF NOT EXISTS bare (id bigserial PRIMARY KEY, state integer NOT NULL, body bytea NOT NULL)"
_IN_FLIGHT = 256


class Bare:
    """Accepts a body, keeps it, calls the POS twice and the webhook once, with a commit after each."""

    def __init__(
        self, pool: asyncpg.Pool, client: Client, parties: Iterable[tuple[str, str]], order: bytes, event: bytes
    ) -> None:
        self._pool, self._client = pool, client
        self._calls = {
            f"/{number}": (
                (f"{pos_url}{VALIDATE.path}", order.replace(b"place-order", b"validate-order")),
                (f"{pos_url}{SUBMIT.path}", order),
                (webhook_url, event),
            )
            for number, (pos_url, webhook_url) in enumerate(parties)
        }
        self._tasks: set[asyncio.Task[None]] = set()
        self._bound = asyncio.Semaphore(_IN_FLIGHT)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        number = await self._pool.fetchval("INSERT INTO bare (state, body) VALUES (0, $1) RETURNING id", body)
        task = asyncio.create_task(self._live(number, self._calls[scope["path"]]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        answer = str(number).encode()
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 201, "headers": [length]})
        await send({"type": "http.response.body", "body": answer})

    async def _live(self, number: int, calls: Iterable[tuple[str, bytes]]) -> None:
        async with self._bound:
            for state, (url, body) in enumerate(calls, 1):
                await self._pool.execute("UPDATE bare SET state = $2 WHERE id = $1", number, state)
                request = self._client.post(url).headers({"x-bare": str(number)}).body_bytes(body)
                await (await request.build().send()).bytes()
            await self._pool.execute("UPDATE bare SET state = 9 WHERE id = $1", number)


async def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("dsn", "order", "event"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--parties", nargs=2, action="append", required=True)
    parser.add_argument("--fd", type=int, required=True)
    given = parser.parse_args()
    async with asyncpg.create_pool(given.dsn, min_size=10, max_size=10) as pool:
        await pool.execute(_TABLE)
        sent = Path(given.order).read_bytes(), Path(given.event).read_bytes()
        app = Bare(pool, ClientBuilder().no_proxy().build(), given.parties, *sent)
        server = uvicorn.Server(
            uvicorn.Config(app, interface="asgi3", log_config=None, access_log=False, lifespan="off")
        )
        await server.serve(sockets=[socket.socket(fileno=given.fd)])


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
