"""An app that is called in this process sees what it would see over a socket, and is heard as there."""

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from heard.net.call import Answer, Call, Carrier, NoAnswer
from heard.net.guard import AddressGuard
from heard.net.in_process import InProcess
from heard.net.listening import listening
from heard.net.outbound import Outbound
from heard.net.serving import serve


async def echo(request: Request) -> Response:
    seen = {"path": request.scope["path"], "query": request.query_params.multi_items(), "method": request.method}
    body = (await request.body()).decode()
    named = {name: request.headers.get(name) for name in ("x-said", "content-type", "content-length")}
    return JSONResponse({**seen, "body": body, "headers": named}, 202, {"X-Told": "yes"})


async def stream(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"a", b"", b"bc"):
            yield piece

    return StreamingResponse(pieces())


APP = Starlette(routes=[Route("/echo/{rest:path}", echo, methods=["GET", "POST"]), Route("/stream", stream)])
PLACES = ("/echo/x", "/echo/a%2Fb%20%C3%BC%3F", "/echo/x?a=1&a=%26&b=", "/stream", "/nowhere")


async def told(carrier: Carrier, base: str, method: str, place: str, body: bytes | None) -> tuple[int, object, bytes]:
    headers = {"x-said": "so", **({"content-type": "application/json"} if body is not None else {})}
    answer = await carrier.send(Call(method, base + place, headers, body, 5.0, 1 << 20))
    assert isinstance(answer, Answer)
    return answer.status, {name: answer.headers.get(name) for name in ("x-told", "content-type")}, answer.body


async def test_an_app_answers_as_over_a_socket() -> None:
    with listening("127.0.0.1", 0) as bound:
        base = f"http://127.0.0.1:{bound.getsockname()[1]}"
        serving = asyncio.create_task(serve(APP, bound))
        async with Outbound(AddressGuard(["127.0.0.0/8"])) as outbound:
            for place in PLACES:
                for method, body in (("GET", None), ("POST", json.dumps({"ü": 1}).encode())):
                    there = await told(outbound, base, method, place, body)
                    assert await told(InProcess(APP), "http://here", method, place, body) == there, (method, place)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_an_app_that_takes_too_long_or_says_nothing_gives_no_answer() -> None:
    async def hangs(*_: object) -> None:
        await asyncio.sleep(60)

    async def says_nothing(*_: object) -> None:
        return

    for app, reason in ((hangs, "no answer within 0.05 s"), (says_nothing, "the app says nothing")):
        answer = await InProcess(app).send(Call("GET", "http://here/", {}, None, 0.05, 10))
        assert answer == NoAnswer(reason, sent=True)
