"""An ASGI app called in the process that it is in: the same requests and answers as over a socket, without one."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from heard.net.call import Answer, Call, NoAnswer

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class InProcess:
    """Carries calls to one app. The host in a call's address is nobody's."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def send(self, call: Call) -> Answer | NoAnswer:
        """Make a call. The app answers for its own faults; one that says nothing is a NoAnswer."""
        coming = [{"type": "http.request", "body": call.body or b"", "more_body": False}]
        told: list[Message] = []

        async def receive() -> Message:
            return coming.pop() if coming else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            told.append(message)

        try:
            async with asyncio.timeout(call.timeout_s):
                await self._app(_scope(call), receive, send)
        except TimeoutError:
            return NoAnswer(f"no answer within {call.timeout_s:g} s", sent=True)
        if not told:
            return NoAnswer("the app says nothing", sent=True)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in told[0]["headers"]}
        return Answer(told[0]["status"], headers, b"".join(one.get("body", b"") for one in told[1:]))


def _scope(call: Call) -> Message:
    parts = urlsplit(call.url)
    headers = {"host": parts.netloc, **call.headers}
    if call.body is not None:
        headers["content-length"] = str(len(call.body))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": parts.scheme,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "root_path": "",
        "query_string": parts.query.encode(),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "client": None,
        "server": None,
    }
