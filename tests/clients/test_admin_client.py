"""An operator's client over real sockets: against a hub, and against whatever else may stand at its address."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asking import a_key
from heard.clients.admin import AdminClient, AdminError, operations, wire
from heard.domain.order.model import Status
from heard.domain.refusals import Code, Refused
from heard.net.listening import listening
from heard.net.problems import problem as problem_of_refusal
from heard.net.serving import serve
from heard.protocols.admin.auth import SCOPES
from heard.protocols.admin.operation import Operation
from parties import Town, a_town

KEY = "hak_never_to_be_seen"


@asynccontextmanager
async def an_operator(town: Town, *scopes: str) -> AsyncIterator[AdminClient]:
    async with AdminClient(town.hub_url, await a_key(town, " ".join(scopes or SCOPES))) as client:
        yield client


@asynccontextmanager
async def whoever(answers: Callable[[Request], Awaitable[Response]], **options: Any) -> AsyncIterator[AdminClient]:
    """A client of something at a hub's address that answers as a test wants."""
    app = Starlette(routes=[Route("/{rest:path}", answers, methods=["GET", "POST"])])
    with listening("127.0.0.1", 0) as bound:
        serving = asyncio.create_task(serve(app, bound))
        async with AdminClient(f"http://127.0.0.1:{bound.getsockname()[1]}", KEY, **options) as client:
            yield client
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


# --- a hub --------------------------------------------------------------------------------------------------


async def test_an_order_is_found_read_and_cancelled(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town, an_operator(town) as hub:
        order_id = await town.send("A-1")
        page = await hub.call(operations.LIST_ORDERS, status=Status.SUBMITTING, attention=False, limit=10)
        assert [one.order_id for one in page.orders] == [order_id]
        found = await hub.call(operations.READ_ORDER, order_id=order_id)
        assert (found.order, found.ordered.guest.name) == (page.orders[0], "Ada")
        assert "Ada" not in repr(found)
        body = wire.CancelOrder(reason_code="store_closed", version=found.order.version)
        cancelled = await hub.call(operations.CANCEL_ORDER, body, order_id=order_id)
        assert (cancelled.cancelling, cancelled.order.status) == (False, "cancelled")


async def test_a_list_is_read_to_its_end_page_by_page(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town, an_operator(town, "read") as hub:
        sent = [await town.send(f"A-{number}") for number in range(5)]
        seen = [[one.order_id for one in page.orders] async for page in hub.pages(operations.LIST_ORDERS, limit=2)]
        assert [len(page) for page in seen] == [2, 2, 1]
        assert [order_id for page in seen for order_id in page] == sent[::-1]


async def test_a_refusal_is_an_error_with_all_that_the_hub_says(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town, an_operator(town, "read", "orders") as hub:
        order_id = await town.send("A-1")
        with pytest.raises(AdminError) as caught:
            await hub.call(operations.START_ORDER, order_id=order_id)
        error = caught.value
        assert (error.status, error.code, error.retryable) == (409, "illegal_transition", False)
        assert (error.current, "cancel" in error.allowed) == ("submitting", True)
        assert error.request_id is not None
        assert str(error).startswith(f"409 illegal_transition: {order_id} is submitting: start is not possible.")
        with pytest.raises(AdminError) as caught:
            await hub.call(operations.REJECT_ORDER, wire.RejectOrder(reason_code="bored"), order_id=order_id)
        assert [one.path for one in caught.value.errors] == ["$.reason_code"]
        with pytest.raises(AdminError, match="after: must have 1 to 128 characters"):
            await hub.call(operations.LIST_MARKETPLACES, after="x" * 129)


@pytest.mark.parametrize("order_id", ["", ".", "..", "../stores", "a/b", "ord_1?x=1", "ord_1#x", "ü %2F", "\0"])
async def test_no_id_leads_a_call_to_another_place(dsn: str, order_id: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town, an_operator(town) as hub:
        with pytest.raises(AdminError) as caught:
            await hub.call(operations.RETRY_ORDER, order_id=order_id)
        assert caught.value.code in ("no_id", "not_found", "unknown_order")


async def test_who_may_not_is_told_so(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        async with an_operator(town, "read") as hub:
            with pytest.raises(AdminError, match="the scope 'stores'") as caught:
                await hub.call(operations.RESUME_STORE, venue_id=town.venue_id)
            assert (caught.value.status, caught.value.code) == (403, "insufficient_scope")
        async with AdminClient(town.hub_url, KEY) as hub:
            with pytest.raises(AdminError) as caught:
                await hub.call(operations.LIST_STORES)
            assert (caught.value.status, caught.value.code) == (401, "invalid_token")


# --- whatever else stands there -----------------------------------------------------------------------------


async def test_a_call_that_was_not_answered_says_whether_it_may_have_been_carried_out() -> None:
    async def hangs(_: Request) -> Response:
        await asyncio.sleep(5)
        return Response()

    async with whoever(hangs, timeout_s=0.2) as hub:
        for operation, again in ((operations.LIST_STORES, True), (operations.RESUME_STORE, False)):
            names = {"venue_id": "ven_1"} if operation is operations.RESUME_STORE else {}
            with pytest.raises(AdminError, match="no answer within") as caught:
                await hub.call(operation, **names)  # type: ignore[arg-type]
            assert (caught.value.code, caught.value.retryable, caught.value.unsure) == ("no_answer", again, not again)


async def test_a_hub_that_is_not_there_is_said_to_be_unreachable() -> None:
    async with AdminClient("http://127.0.0.1:1", KEY) as hub:
        with pytest.raises(AdminError) as caught:
            await hub.call(operations.RESUME_STORE, venue_id="ven_1")
    error = caught.value
    assert (error.code, error.retryable, error.unsure, error.status) == ("unreachable", True, False, None)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response("<html>a hotel</html>", 200), "bad_answer"),
        (Response(b"\xff", 502), "http_502"),
        (Response("{}", 302, {"location": "http://169.254.169.254/"}), "http_302"),
        (Response('{"stores": [{}], "next": null}', 200), "bad_answer"),
        (Response(b"x" * (9 << 20), 200), "no_answer"),
    ],
)
async def test_what_is_no_hubs_answer_is_an_error_and_leads_nowhere(answer: Response, code: str) -> None:
    calls = []

    async def says(request: Request) -> Response:
        calls.append(request.url.path)
        return answer

    async with whoever(says) as hub:
        with pytest.raises(AdminError) as caught:
            await hub.call(operations.LIST_STORES)
    assert caught.value.code == code
    assert calls == ["/admin/v1/stores"]


@pytest.mark.parametrize(("status", "unsure"), [(500, True), (502, True), (503, True), (504, True), (404, False)])
async def test_a_change_that_failed_on_the_way_may_have_been_made(status: int, unsure: bool) -> None:
    async def fails(_: Request) -> Response:
        return Response("<html>", status)

    async with whoever(fails) as hub:
        with pytest.raises(AdminError) as caught:
            await hub.call(operations.RESUME_STORE, venue_id="ven_1")
        assert (caught.value.unsure, caught.value.retryable) == (unsure, False)
        with pytest.raises(AdminError) as caught:
            await hub.call(operations.LIST_STORES)
        assert (caught.value.unsure, caught.value.retryable) == (False, status >= 500)


async def test_the_key_shows_nowhere() -> None:
    async def refuses(request: Request) -> Response:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        status, headers, body = problem_of_refusal(Refused(Code.INVALID_TOKEN, "wrong"), "req_1")
        return Response(body, status, headers)

    async with whoever(refuses) as hub:
        with pytest.raises(AdminError) as caught:
            await hub.call(operations.LIST_STORES)
        assert KEY not in f"{hub!r} {caught.value!r} {caught.value} {vars(hub)}".replace(repr(hub._key), "")
    async with AdminClient("http://127.0.0.1:1", "hak_\nx") as hub:
        with pytest.raises(AdminError, match="no header can") as caught:
            await hub.call(operations.LIST_STORES)
    assert caught.value.retryable is False


# --- slips of whoever writes a program ----------------------------------------------------------------------


async def test_what_the_table_does_not_know_is_no_call() -> None:
    async with AdminClient("https://hub.example", KEY) as hub:
        for call in (
            hub.call(operations.READ_ORDER),
            hub.call(operations.READ_ORDER, venue_id="ven_1"),
            hub.call(operations.READ_ORDER, wire.CancelOrder(), order_id="ord_1"),
            hub.call(operations.CANCEL_ORDER, order_id="ord_1"),
            hub.call(operations.LIST_ORDERS, state="due"),
        ):
            with pytest.raises(TypeError, match=r"^(read|cancel|list)_orders?: "):
                await call


@pytest.mark.parametrize(
    "url", ["hub.example", "ftp://hub.example", "https://u:p@hub.example", "https://hub.example?a"]
)
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"^url: "):
        AdminClient(url, KEY)


def test_every_call_that_is_named_is_in_the_table() -> None:
    named = [one for one in vars(operations).values() if isinstance(one, Operation)]
    assert named == list(operations.OPERATIONS)
    assert [name for name, one in vars(operations).items() if one in named and name != one.name.upper()] == []
