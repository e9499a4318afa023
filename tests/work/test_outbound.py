"""The one way out: to checked addresses only, within bounds, and honest about whether anything was sent."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from heard.connectors.call import Answer, Call, NoAnswer
from heard.work.guard import AddressGuard
from heard.work.outbound import Outbound

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LOOPBACK = ["127.0.0.0/8"]


@asynccontextmanager
async def a_server(answer: bytes, *, hold_s: float = 0.0) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that sends these bytes to whoever asks; its address, and what it was sent."""
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            await writer.drain()
            await asyncio.sleep(hold_s)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        await asyncio.sleep(0)


def a_call(url: str, **changes: Any) -> Call:
    values: dict[str, Any] = {
        "method": "POST",
        "url": url,
        "headers": {"authorization": "Bearer hush-hush"},
        "body": b"{}",
        "timeout_s": 2.0,
        "answer_bytes_max": 1000,
    }
    return Call(**{**values, **changes})


async def send(url: str, allowed: list[str] | None = None, **changes: Any) -> Answer | NoAnswer:
    async with Outbound(AddressGuard(LOOPBACK if allowed is None else allowed)) as outbound:
        return await outbound.send(a_call(url, **changes))


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-Mark: 1\r\n\r\nok"


async def test_an_allowed_address_is_called() -> None:
    async with a_server(OK) as (url, seen):
        answer = await send(url + "/path?q=1")
    assert answer == Answer(200, {"content-length": "2", "x-mark": "1"}, b"ok")
    assert seen[0].startswith(b"POST /path?q=1 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ],
)
async def test_an_inner_address_is_refused_however_it_is_spelt(host: str) -> None:
    async with a_server(OK) as (url, seen):
        port = url.rpartition(":")[2]
        answer = await send(f"http://{host}:{port}/", allowed=[])
    assert isinstance(answer, NoAnswer)
    assert not answer.sent
    assert seen == []


async def test_a_name_with_one_inner_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, None, 0, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    answer = await send("http://two.example/", allowed=[])
    assert isinstance(answer, NoAnswer)
    assert "10.0.0.1" in answer.reason


async def test_a_name_is_called_at_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def loopback(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, None, 0, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", loopback)
    async with a_server(OK) as (url, seen):
        answer = await send(f"http://shop.example:{url.rpartition(':')[2]}/")
    assert isinstance(answer, Answer)
    assert b"host: shop.example" in seen[0].lower()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/passwd", "not an address", "http://", ""])
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    answer = await send(url)
    assert isinstance(answer, NoAnswer)
    assert not answer.sent


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with a_server(OK) as (target, followed):
        moved = f"HTTP/1.1 302 Found\r\nlocation: {target}/\r\ncontent-length: 0\r\n\r\n".encode()
        async with a_server(moved) as (url, _):
            answer = await send(url)
    assert isinstance(answer, Answer)
    assert answer.status == 302
    assert followed == []


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_server(OK) as (proxy, asked), a_server(OK) as (url, seen):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        await send(url)
    assert asked == []
    assert len(seen) == 1


async def test_no_connection_is_certain_to_have_sent_nothing() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound, but nobody listens
        answer = await send(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    assert isinstance(answer, NoAnswer)
    assert not answer.sent


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", b"garbage\r\n\r\n"])
async def test_a_broken_answer_may_have_been_carried_out(said: bytes) -> None:
    async with a_server(said) as (url, _):
        answer = await send(url)
    assert isinstance(answer, NoAnswer)
    assert answer.sent


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"])
async def test_an_answer_that_does_not_come_in_time_may_have_been_carried_out(said: bytes) -> None:
    async with a_server(said, hold_s=3.0) as (url, _):
        answer = await send(url, timeout_s=0.3)
    assert isinstance(answer, NoAnswer)
    assert answer.sent
    assert "0.3 s" in answer.reason


async def test_a_large_answer_is_refused_unless_only_its_status_counts() -> None:
    large = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5000
    async with a_server(large) as (url, _):
        refused = await send(url)
        counted = await send(url, whole=False)
    assert isinstance(refused, NoAnswer)
    assert isinstance(counted, Answer)


async def test_secrets_stay_out_of_reasons_and_reprs() -> None:
    answer = await send("http://127.0.0.1:1/")
    assert "hush" not in repr(answer)
    assert "hush" not in repr(a_call("http://x.example/"))
