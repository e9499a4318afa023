"""The one way out: to checked addresses only, within bounds, and honest about whether anything was sent."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from heard import limits
from heard.net.call import Answer, Call, NoAnswer
from heard.net.guard import AddressGuard
from heard.net.outbound import Outbound
from lengths import patience

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LOOPBACK = ["127.0.0.0/8"]


@asynccontextmanager
async def a_server(answer: bytes, *, hold_s: float = 0.0) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that sends these bytes to whoever asks; its address, and what it was sent."""
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        await asyncio.sleep(hold_s)

    async with a_peer(handle) as url:
        yield url, seen


@asynccontextmanager
async def a_peer(handle: Handler) -> AsyncIterator[str]:
    """A server that does to each connection what it is told; on leaving, none is left open."""
    under_way: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        try:
            await handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            under_way.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in under_way.copy():
            task.cancel()
        await asyncio.gather(*under_way.copy(), return_exceptions=True)
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


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\nX-Mark: 1\r\n\r\nok"


async def test_an_allowed_address_is_called() -> None:
    async with a_server(OK) as (url, seen):
        answer = await send(url + "/path?q=1")
    assert answer == Answer(200, {"content-length": "2", "connection": "close", "x-mark": "1"}, b"ok")
    assert seen[0].startswith(b"POST /path?q=1 HTTP/1.1\r\n")


LOOPBACK_SPELLINGS = """127.0.0.1 localhost localhost. LOCALHOST 127.1 127.0.1 0x7f.1 0X7F.0.0.1 2130706433 017700000001
    0177.0.0.01 0x7f000001 127.0.0.1. %31%32%37.0.0.1 １２７.0.0.1 [::1] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1]
    [::ffff:7f00:1] [::127.0.0.1] [2002:7f00:1::] [64:ff9b::7f00:1] 0.0.0.0 0 [::] 1.1.1.1@127.0.0.1""".split()


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
async def test_an_inner_address_is_refused_however_it_is_spelt(host: str) -> None:
    async with a_server(OK) as (url, seen):
        port = url.rpartition(":")[2]
        answer = await send(f"http://{host}:{port}/", allowed=[])
    assert isinstance(answer, NoAnswer)
    assert answer.reason.startswith("the address is refused: ") or "not known" in answer.reason
    assert not answer.sent
    assert seen == []


@pytest.mark.parametrize(
    "host",
    """169.254.169.254 [fd00:ec2::254] 10.0.0.1 172.31.255.255 192.168.0.1 100.64.0.1 [fe80::1] [fc00::1] 224.0.0.1
    [ff02::1] 255.255.255.255 [::ffff:169.254.169.254] 0xa9fea9fe 2852039166 [2002:a9fe:a9fe::]
    [64:ff9b::a9fe:a9fe]""".split(),
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_address_inside_is_refused_whatever_the_scheme(scheme: str, host: str) -> None:
    answer = await send(f"{scheme}://{host}/latest/meta-data/", allowed=[])
    assert isinstance(answer, NoAnswer)
    assert answer.reason.startswith("the address is refused: ")
    assert not answer.sent


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


async def test_a_redirect_inwards_reaches_nobody_even_where_calls_are_allowed() -> None:
    moved = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"
    async with a_server(moved) as (url, seen):
        answer = await send(url)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["location"]) == (307, "http://169.254.169.254/")
    assert len(seen) == 1


@pytest.mark.parametrize(("pin_s", "refused"), [(60.0, False), (-1.0, True)])
async def test_a_name_that_moves_inside_is_refused_as_soon_as_it_is_looked_up_anew(
    monkeypatch: pytest.MonkeyPatch, pin_s: float, refused: bool
) -> None:
    addresses = ["127.0.0.1", "10.0.0.1"]

    async def next_one(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, None, 0, "", (addresses.pop(0), 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", next_one)
    monkeypatch.setattr(limits, "OUTBOUND_PIN_S", pin_s)
    async with a_server(OK) as (url, _), Outbound(AddressGuard(LOOPBACK)) as outbound:
        named = f"http://shop.example:{url.rpartition(':')[2]}/"
        first, second = [await outbound.send(a_call(named)) for _ in range(2)]
    assert isinstance(first, Answer)
    assert isinstance(second, NoAnswer) == refused
    assert not refused or "10.0.0.1" in repr(second)


async def test_a_name_without_an_address_is_certain_to_have_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", none)
    answer = await send("http://nobody.example/")
    assert isinstance(answer, NoAnswer)
    assert not answer.sent


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


async def test_an_answer_without_end_is_cut_off_within_its_time() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while not ended.is_set():
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    ended = asyncio.Event()
    async with a_peer(drip) as url, patience():
        answer = await send(url + "/", timeout_s=0.5)
        ended.set()
    assert isinstance(answer, NoAnswer)
    assert answer.sent


async def test_a_call_that_is_told_to_end_ends_also_where_its_answer_is_there_already() -> None:
    asked = threading.Event()

    def answer_all(listener: socket.socket) -> None:
        with listener.accept()[0] as peer:
            while peer.recv(4096):
                asked.set()
                peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        answering = asyncio.create_task(asyncio.to_thread(answer_all, listener))
        async with Outbound(AddressGuard(LOOPBACK)) as outbound:
            told = 0
            while told < 20:
                calling = asyncio.create_task(outbound.send(a_call(url)))
                while not asked.is_set():
                    await asyncio.sleep(0)
                time.sleep(0.02)  # noqa: ASYNC251 - the answer comes while nothing here can take it
                asked.clear()
                if not calling.cancel():  # the answer was quicker
                    continue
                told += 1
                with pytest.raises(asyncio.CancelledError):
                    await calling
        async with patience():
            await answering


async def test_an_answer_is_let_through_up_to_its_last_allowed_byte() -> None:
    for length, kind in ((1000, Answer), (1001, NoAnswer)):
        async with a_server(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length + b"x" * length) as (url, _):
            answer = await send(url, answer_bytes_max=1000)
        assert isinstance(answer, kind)
        assert isinstance(answer, Answer) or answer.sent


@pytest.mark.parametrize("header", ["Bearer hush-hush\r\nx: 1", "hush-hush\n", "hush-hush\0"])
async def test_a_header_that_cannot_be_written_sends_nothing_and_is_not_shown(header: str) -> None:
    async with a_server(OK) as (url, seen):
        answer = await send(url, headers={"authorization": header})
    assert isinstance(answer, NoAnswer)
    assert not answer.sent
    assert "hush" not in repr(answer)
    assert seen == []


async def test_a_server_that_speaks_no_tls_was_sent_nothing() -> None:
    async def blurt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.read(1000))
        writer.write(OK)

    said: list[bytes] = []
    async with a_peer(blurt) as url:
        answer = await send(url.replace("http://", "https://") + "/")
    assert isinstance(answer, NoAnswer)
    assert not answer.sent
    assert len(said) == 1
    assert b"hush" not in said[0]


async def test_secrets_stay_out_of_reasons_and_reprs() -> None:
    for url, allowed in (("http://127.0.0.1:1/", LOOPBACK), ("http://127.0.0.1/", []), ("ftp://x.example/", [])):
        answer = await send(url, allowed, body=b"hush")
        assert isinstance(answer, NoAnswer)
        assert "hush" not in repr(answer)
    async with a_server(b"") as (url, _):
        assert "hush" not in repr(await send(url, body=b"hush"))
    assert "hush" not in repr(a_call("http://x.example/", body=b"hush"))
    assert "hush" not in repr(a_call("http://x.example/"))
