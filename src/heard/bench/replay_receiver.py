"""The receiver of `heard bench replay` and `webhooks`: it verifies each delivery and checks the order.

A program of its own, `python -m heard.bench.replay_receiver FD`; the endpoint's secret is in WEBHOOK_SECRET. GET on it
tells the figures, GET of /arrivals when each event came, DELETE makes it forget them.
"""

import os
import socket
import sys
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from heard.bench.peers import Receive, Send, read_body
from heard.net.serving import serve, spare_the_collector
from heard.protocols.webhooks import auth


class Figures(msgspec.Struct):
    """What has come in. `last_at` is on the clock that all processes of a machine share (time.monotonic)."""

    taken: int = 0  # events, each counted once
    orders: int = 0
    repeated: int = 0  # deliveries of an event that was taken already
    out_of_order: int = 0  # events that came before, or without, the one before them of their order
    forged: int = 0
    last_at: float = 0.0


ARRIVALS = "/arrivals"


class _About(msgspec.Struct):
    order_id: str
    sequence: int


class _Event(msgspec.Struct):
    data: _About


_event = msgspec.json.Decoder(_Event)


class OrderWatch:
    """Counts events, and those that come out of their order's order."""

    def __init__(self) -> None:
        self.figures = Figures()
        self.arrivals: dict[str, float] = {}  # by event, on that clock
        self._last: dict[str, int] = {}

    def take(self, event_id: str, order_id: str, sequence: int, at: float) -> None:
        """One event as it came in."""
        if event_id in self.arrivals:
            self.figures.repeated += 1
            return
        self.arrivals[event_id] = at
        self.figures.taken += 1
        self.figures.last_at = at
        before = self._last.get(order_id, 0)
        self.figures.orders += before == 0
        self.figures.out_of_order += sequence != before + 1
        self._last[order_id] = max(before, sequence)


class Receiver:
    """Takes every event that is genuine."""

    def __init__(self, secret: str) -> None:
        self._secrets = [secret]
        self._watch = OrderWatch()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            if scope["method"] == "DELETE":
                self._watch = OrderWatch()
            told = self._watch.arrivals if scope["path"] == ARRIVALS else self._watch.figures
            await _answer(send, 200, msgspec.json.encode(told))
            return
        at = time.monotonic()
        body = await read_body(receive)
        if not body:  # the hub has hung up
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            webhook_id = auth.verify(headers, body, self._secrets, datetime.now(UTC)).id
        except auth.WebhookRefused:
            self._watch.figures.forged += 1
            await _answer(send, 400, b"")
            return
        about = _event.decode(body).data
        self._watch.take(webhook_id, about.order_id, about.sequence, at)
        await _answer(send, 204, b"")


async def _answer(send: Send, status: int, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


async def main() -> None:
    spare_the_collector()
    await serve(Receiver(os.environ["WEBHOOK_SECRET"]), socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
