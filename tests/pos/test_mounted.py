"""The kit inside an app of the vendor's own: below a prefix, beside other routes, ended with its host."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from heard.pos import PosApp, app
from heard.pos.testing import Heard, Hub, an_item, an_order, ask
from pos.kits import SHARED_ID, ScriptedPos


class HubBelow(Hub):
    """A hub that knows the kit by an address with a prefix."""

    prefix = ""

    async def call(self, method: str, path: str, raw: bytes | None, headers: Mapping[str, str] | None = None) -> Heard:
        return await super().call(method, self.prefix + path, raw, headers)


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


def a_host(kit: PosApp, prefix: str) -> Starlette:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with kit:
            yield

    return Starlette(routes=[Route("/hello", hello), Mount(prefix or "/", app=kit)], lifespan=lifespan)


@pytest.mark.parametrize("prefix", ["", "/pos", "/brand/pos"])
async def test_a_mounted_kit_takes_orders_whatever_their_ids(tmp_path: Path, prefix: str) -> None:
    pos = ScriptedPos()
    kit = app(pos, shared_id=SHARED_ID, store=str(tmp_path / "kit.sqlite"))
    hub = HubBelow(kit, SHARED_ID)
    hub.prefix = prefix
    await hub.know("main")
    hub.app = a_host(kit, prefix)  # type: ignore[assignment]
    try:
        for uid in ("U-1", "pos/U 2"):
            order = an_order(an_item("burger", 1299), request_uid=uid)
            assert (await hub.validate(order)).json["status"] == "validated"
            assert (await hub.submit(order)).json["status"] == "placed"
            assert (await hub.status(uid)).json["status"] == "placed"
        assert len(pos.tickets) == 2
        assert (await ask(hub.app, "GET", f"{prefix}/openapi.json", b"", {}))[0] == 200
        assert (await ask(hub.app, "GET", f"{prefix}/posnext/nothing", b"", {}))[0] == 404
        assert (await ask(hub.app, "GET", "/hello", b"", {}))[2] == b"hello"
    finally:
        await kit.close()


async def test_a_kit_starts_and_ends_with_its_host(tmp_path: Path) -> None:
    kit = app(ScriptedPos(), shared_id=SHARED_ID, store=str(tmp_path / "kit.sqlite"))
    host = a_host(kit, "/pos")
    async with host.router.lifespan_context(host):
        assert await kit.store.locations(1) == []
    with pytest.raises(AssertionError, match="start the app first"):
        _ = kit.store
