"""Connections from strangers: what is no HTTP, too large, too slow or wants another protocol has its answer."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from asking import PROBLEM_MEMBERS
from heard import limits
from heard.net.answering import answered
from heard.net.bodies import read_body
from heard.net.connections import LET_WAIT
from heard.net.listening import listening
from heard.net.serving import serve
from lengths import patience

Send = Any


async def echo(request: Request) -> Response:
    """Says what it was asked: the method, the path, a header and the body."""
    body = await read_body(request, 100_000)
    said = [
        request.method,
        request.url.path,
        request.headers.get("x-said"),
        request.headers.get("connection"),
        len(body),
    ]
    return Response(json.dumps(said), headers={"x-body": body[:20].decode("latin-1")})


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    request = Request(scope, receive)
    await (await answered(echo)(request))(scope, receive, send)


@asynccontextmanager
async def a_port(app: Any = app) -> AsyncIterator[int]:
    with listening("127.0.0.1", 0) as bound:
        serving = asyncio.create_task(serve(app, bound))
        try:
            yield bound.getsockname()[1]
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def tell(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Bytes on a connection of their own; all that comes until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        async with patience():
            return await reader.read()
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def is_problem(received: bytes, status: int, code: str) -> None:
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), received[:200]
    assert b"content-type: application/problem+json" in head
    document = json.loads(body)
    assert set(document) == PROBLEM_MEMBERS
    assert (document["status"], document["code"]) == (status, code)
    assert f"x-request-id: {document['request_id']}".encode() in head


async def test_what_is_no_http_is_refused_as_a_problem() -> None:
    async with a_port() as port:
        for piece in (
            b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
            b"nonsense\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\ncontent-length: \xb2\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
            b"POST / HTTP/1.1\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            b"GET / HTTP/1.1\r\nx y: z\r\n\r\n",
            b"GET / HTTP/1.1\r\nx\x00: y\r\n\r\n",
            b"GET /\xff HTTP/1.1\r\n\r\n",
            b"CONNECT example.org:443 HTTP/1.1\r\nhost: example.org:443\r\n\r\n",
        ):
            is_problem(await tell(port, piece), 400, "malformed_request")
        assert (await tell(port, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_head_that_is_too_large_is_refused_however_it_comes() -> None:
    size = limits.HEAD_BYTES_MAX
    async with a_port() as port:
        one = b"GET / HTTP/1.1\r\nx: " + b"x" * size + b"\r\n\r\n"
        many = b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * (size // 6 + 1) + b"\r\n"
        path = b"GET /" + b"x" * size + b" HTTP/1.1\r\n\r\n"
        endless = [b"GET / HTTP/1.1\r\n", *[b"x: " + b"x" * 50_000 + b"\r\n"] * 3]
        for pieces in ([one], [many], [path], endless, [b"GET / HTTP/1.1\r\nx: ", *[b"x" * 50_000] * 3]):
            is_problem(await tell(port, *pieces), 431, "head_too_large")
        megabytes = b"GET / HTTP/1.1\r\nauthorization: Bearer " + b"x" * (8 << 20) + b"\r\n\r\n"
        is_problem(await tell(port, megabytes), 431, "head_too_large")
        fits = b"GET / HTTP/1.1\r\nconnection: close\r\nx-said: " + b"x" * (size - 100) + b"\r\n\r\n"
        assert (await tell(port, fits)).startswith(b"HTTP/1.1 200 ")


async def test_bodies_and_requests_that_follow_do_not_count_as_a_head() -> None:
    async with a_port() as port:
        body = b"x" * 90_000
        request = b"POST / HTTP/1.1\r\ncontent-length: 90000\r\n\r\n" + body
        last = b"POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: 90000\r\n\r\n" + body
        received = await tell(port, request, request, request + last)
        assert received.count(b"HTTP/1.1 200 OK") == 4
        assert received.count(b"90000]") == 4


async def test_who_is_too_slow_with_a_head_is_told_so_and_who_says_nothing_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HEAD_WITHIN_S", 0.1)
    async with a_port() as port:
        is_problem(await tell(port, b"GET / HTTP/1.1\r\nx: y\r\n"), 408, "too_slow")
        is_problem(await tell(port, b"GET /", *[b"x"] * 30, pause_s=0.01), 408, "too_slow")
        assert await tell(port) == b""
        second = await tell(port, b"GET / HTTP/1.1\r\n\r\n", b"GET / HT", pause_s=0.05)
        assert second.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in second


async def test_who_is_too_slow_with_a_body_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_WITHIN_S", 0.1)
    monkeypatch.setattr(limits, "LINGER_S", 0.05)
    async with a_port() as port:
        for pieces in (
            (b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n",),
            (b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n", b"1234"),
            (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", b"4\r\n1234\r\n"),
            (b"POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: 5\r\n\r\n", b"1"),
        ):
            is_problem(await tell(port, *pieces), 408, "too_slow")


async def test_a_wish_for_another_protocol_is_passed_over_and_its_body_is_kept() -> None:
    """What Java's HttpClient sends with its first call over plain HTTP."""
    wish = (
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA\r\n"
    )
    head = b"POST /x?y HTTP/1.1\r\nHost: kit\r\n" + wish + b"X-Said: hello\r\n"
    last = b"GET /last HTTP/1.1\r\nconnection: close\r\n\r\n"
    async with a_port() as port:
        for whole in (
            head + b"Content-Length: 5\r\n\r\nabcde" + last,
            head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n" + last,
        ):
            for cut in (len(whole), len(whole) - len(last), whole.index(b"abcde"), whole.index(b"abcde") + 2):
                received = await tell(port, whole[:cut], whole[cut:], pause_s=0.01)
                assert b'["POST", "/x", "hello", null, 5]' in received
                assert b"x-body: abcde" in received
                assert b'["GET", "/last", null, "close", 0]' in received
        for wish in (b"Connection: upgrade, close\r\nUpgrade: websocket\r\n", b"connection: Upgrade\r\nupgrade: x\r\n"):
            received = await tell(port, b"GET / HTTP/1.1\r\n" + wish + b"\r\n", last)
            assert received.startswith(b"HTTP/1.1 200 ")


async def test_what_follows_a_good_request_takes_nothing_from_its_answer() -> None:
    async with a_port() as port:
        good = b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nabcde"
        for worse in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nx y: z\r\n\r\n"):
            received = await tell(port, good + worse)
            assert received.startswith(b"HTTP/1.1 200 ")
            assert b'["POST", "/", null, null, 5]' in received
            assert received.count(b"HTTP/1.1 ") == 1


async def test_white_space_around_a_headers_value_is_none_of_it() -> None:
    async with a_port() as port:
        received = await tell(port, b"GET / HTTP/1.1\r\nconnection: close\r\nx-said: \t a b \t \r\n\r\n")
        assert b'["GET", "/", "a b", "close", 0]' in received


async def test_a_refusal_half_way_is_read_and_then_the_connection_ends() -> None:
    async with a_port() as port:
        head = b"POST / HTTP/1.1\r\ncontent-length: 999999999\r\n\r\n"
        is_problem(await tell(port, head, *[b"x" * 60_000] * 20), 413, "body_too_large")


async def refuses(request: Request) -> Response:
    """Says no before it has read anything."""
    return Response("no", 415)


async def refusing(scope: dict[str, Any], receive: Any, send: Any) -> None:
    request = Request(scope, receive)
    handler = echo if scope["method"] == "GET" else refuses
    await (await answered(handler)(request))(scope, receive, send)


async def test_who_is_refused_before_a_small_body_has_come_may_ask_again_on_the_same_connection() -> None:
    size = limits.UNREAD_BODY_BYTES_MAX
    head = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % size
    last = b"GET /last HTTP/1.1\r\nconnection: close\r\n\r\n"
    async with a_port(refusing) as port:
        received = await tell(port, head, b"x" * 1000, b"x" * (size - 1000) + head, b"x" * size, last, pause_s=0.05)
        assert received.count(b"HTTP/1.1 415 ") == 2
        assert received.endswith(b'["GET", "/last", null, "close", 0]')


async def test_who_is_refused_and_sends_too_much_too_late_or_waits_to_be_asked_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "LINGER_S", 0.2)
    last = b"GET /last HTTP/1.1\r\nconnection: close\r\n\r\n"
    large = b"content-length: %d\r\n" % (limits.UNREAD_BODY_BYTES_MAX + 1)
    async with a_port(refusing) as port:
        for headers, body in (
            (large, b"x"),
            (b"content-length: 9\r\n", b"x"),
            (b"content-length: 9\r\nexpect: 100-continue\r\n", last),
            (b"transfer-encoding: chunked\r\n", b"1\r\nx\r\n"),
        ):
            received = await tell(port, b"POST / HTTP/1.1\r\n" + headers + b"\r\n", body, pause_s=0.05)
            assert received.startswith(b"HTTP/1.1 415 "), headers
            assert received.count(b"HTTP/1.1") == 1, headers


async def test_beyond_so_many_connections_the_next_is_told_to_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONNECTIONS_MAX", 3)
    monkeypatch.setattr(limits, "LINGER_S", 0.05)
    async with a_port() as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        await asyncio.sleep(0.05)
        for pieces in (
            (),
            (b"GET / HTTP/1.1\r\n\r\n",),
            (b"POST / HTTP/1.1\r\ncontent-length: 90000\r\n\r\n" + b"x" * 90_000,),
        ):
            received = await tell(port, *pieces)
            is_problem(received, 503, "unavailable")
            assert b"retry-after: " in received
        for _, writer in idle:
            writer.close()
        await asyncio.sleep(0.1)
        assert (await tell(port, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_who_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "READ_WITHIN_S", 0.3)
    async with a_port() as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        asked, gone = b"GET / HTTP/1.1\r\nx-said: " + b"y" * 40_000 + b"\r\n\r\n", False
        async with patience():
            while not gone:
                writer.write(asked)
                try:
                    async with asyncio.timeout(1):
                        await writer.drain()
                except TimeoutError:
                    continue
                except ConnectionError:
                    gone = True
        assert gone


async def test_nothing_that_is_to_be_sent_waits_for_more() -> None:
    """A head and a short body are two pieces; the second would wait until the caller has acknowledged the first."""
    options: list[int] = []

    class Seen(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            options.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    with listening("127.0.0.1", 0) as bound:
        async with await asyncio.get_running_loop().create_server(Seen, sock=bound):
            assert await tell(bound.getsockname()[1]) == b""
    assert options != [0]
    assert len(options) == 1


async def test_who_shall_wait_is_answered_later_and_holds_up_nobody_else() -> None:
    async with a_port(waiting_app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        another = await asyncio.open_connection("127.0.0.1", port)
        request = b"GET /wait HTTP/1.1\r\n\r\n"
        writer.write(request)
        await reader.readuntil(b"]")
        writer.write(request)
        again = asyncio.create_task(reader.readuntil(b"]"))
        for _ in range(3):
            another[1].write(b"GET / HTTP/1.1\r\n\r\n")
            await another[0].readuntil(b"]")
        assert not again.done()
        async with patience():
            assert (await again).startswith(b"HTTP/1.1 200 ")
        writer.close()
        another[1].close()


async def waiting_app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """As `app`; who asks for /wait is not listened to for a while."""
    if scope["path"] == "/wait":
        scope[LET_WAIT](1.0)
    await app(scope, receive, send)
