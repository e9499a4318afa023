"""What the benchmarks send orders with, at a real server."""

import asyncio

from heard.bench.pelting import Pelted, pelt

REQUESTS = [b"POST /%d HTTP/1.1\r\nhost: hub\r\ncontent-length: 0\r\n\r\n" % number for number in range(20)]


async def pelted(busy_for: int, *, patient: bool) -> tuple[Pelted, list[bytes]]:
    """So many answers are 503, the others 201; the paths that were asked for, in turn."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            asked.append(head.split(b" ")[1])
            status = b"503 busy" if len(asked) <= busy_for else b"201 made"
            writer.write(b"HTTP/1.1 %b\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}" % status)

    async def until_left(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except asyncio.IncompleteReadError:  # it has asked for all
            writer.close()

    server = await asyncio.start_server(until_left, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        return await pelt(host, port, REQUESTS, 4, 201, patient=patient), asked


async def test_whoever_is_patient_asks_again_where_a_hub_has_too_much_to_do() -> None:
    went, asked = await pelted(6, patient=True)
    assert (went.refused, len(went.latencies)) == (0, len(REQUESTS))
    assert len(asked) == len(REQUESTS) + 6
    assert len(set(asked)) == len(REQUESTS)
    assert max(went.latencies) > 0.4  # from when it was asked first


async def test_else_each_request_is_sent_once_and_a_refusal_counted() -> None:
    went, asked = await pelted(6, patient=False)
    assert (went.refused, len(asked)) == (6, len(REQUESTS))
