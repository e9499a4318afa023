"""Traces with real processes: an order's whole life is one trace, through the database and every process it went by."""

import asyncio
import signal
from pathlib import Path

import msgspec

from asking import a_token, ask_json
from collector import TRACE_ID, TRACEPARENT, Collector, a_collector, until
from heard.domain.ids import OrderId
from heard.protocols.link.encode import encode_new_order
from heard.storage.sealing import new_key
from lengths import PATIENCE_S
from parties import Town, a_town
from shell import Shell

KEY = new_key()


def a_shell(folder: Path, dsn: str, **more: str) -> Shell:
    settings = {"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": KEY, "HEARD_OUTBOUND_ALLOW": "127.0.0.0/8"}
    return Shell(folder, {**settings, **more})


async def an_order(town: Town, number: str, **headers: str) -> OrderId:
    """An order sent by hand, so that its headers are the test's."""
    body = encode_new_order(town.content(number))
    answer = await ask_json(town, "/link/v2/orders", body, await a_token(town), **headers)
    assert answer.status == 201, answer.body
    return OrderId(msgspec.json.decode(answer.body)["order_id"])


async def came(collector: Collector, *names: str) -> None:
    await asyncio.to_thread(until, lambda: set(names) <= collector.names(TRACE_ID))


async def test_an_orders_life_is_one_trace_over_the_process_that_took_it_and_the_one_that_works(
    dsn: str, own_folder: Path
) -> None:
    with a_collector() as collector:
        settings = {"HEARD_TRACES_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        shell = a_shell(own_folder, dsn, **settings)
        async with a_town(dsn, worker=False, settings={"HEARD_SECRET_KEY": KEY}) as town:
            port = await town.stop_hub()
            async with shell.hub("--port", str(port)):
                order_id = await an_order(town, "T-1", traceparent=TRACEPARENT, x_request_id="mine-1")
            # The server is gone, with all it knew: what is left of the trace is in the database.
            await asyncio.to_thread(until, lambda: "POST /link/v2/orders" in collector.names(TRACE_ID))
            working = await shell.start("work")
            try:
                await town.told(order_id, "order.confirmed")
                await came(collector, "pos validate", "pos submit", "webhook confirmed")
            finally:
                working.send_signal(signal.SIGTERM)
                await asyncio.wait_for(working.communicate(), PATIENCE_S)
        spans = {span.span_id: span for span in collector.of(TRACE_ID)}
        request = collector.one("POST /link/v2/orders")
        assert (request.parent_id, request.kind, request.service) == ("00f067aa0ba902b7", 2, "heard")
        assert request.attributes["heard.request_id"] == "mine-1"
        for name in ("pos validate", "pos submit", "webhook confirmed"):
            call = collector.one(name)
            assert call.kind == 3
            assert call.process != request.process
            above = [call]
            while above[-1].parent_id in spans:
                above.append(spans[above[-1].parent_id])
            assert above[-1] is request, [one.name for one in above]
        about = {span.attributes.get("heard.order_id") for span in spans.values() if span.name == "work on order"}
        assert about == {order_id}


async def test_a_collector_that_never_answers_delays_no_order_and_no_end(dsn: str, own_folder: Path) -> None:
    with a_collector() as collector:
        collector.stuck.set()
        settings = {"HEARD_TRACES_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        settings["OTEL_EXPORTER_OTLP_TIMEOUT"] = "600"  # so long would one who waited for it wait
        shell = a_shell(own_folder, dsn, **settings)
        async with a_town(dsn, worker=False, settings={"HEARD_SECRET_KEY": KEY}) as town:
            port = await town.stop_hub()
            async with shell.hub("--port", str(port), "--with-worker"):
                order_id = await an_order(town, "T-2")
                await town.told(order_id, "order.confirmed")
                await asyncio.to_thread(until, lambda: collector.asked)
