"""Traces of a hub in the test's process: what is in a span, what is not, and which trace each thing goes on with."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog
from structlog.testing import CapturingLogger

from asking import a_token, an_order_body, ask, ask_json
from collector import TRACE_ID, TRACEPARENT, Collector, a_collector, until
from counter import TOTAL, a_counter
from heard.domain.ids import OrderId
from heard.net import tracing
from heard.net.tracing import traced
from ordering import data_of
from parties import QUICK, Town, a_town

OTHER_ID = "11111111111111111111111111111111"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """This process is traced, and what it sends comes soon."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with a_collector() as made, traced(made.url):
        yield made


async def came(collector: Collector, *names: str, trace_id: str = TRACE_ID) -> None:
    await asyncio.to_thread(until, lambda: set(names) <= collector.names(trace_id))


async def an_order(town: Town, number: str, traceparent: str = TRACEPARENT) -> OrderId:
    body = json.dumps(an_order_body(town, number)).encode()
    answer = await ask_json(town, "/link/v2/orders", body, await a_token(town), traceparent=traceparent)
    assert answer.status == 201, answer.body
    return OrderId(json.loads(answer.body)["order_id"])


async def test_what_a_later_request_does_to_an_order_is_told_in_the_orders_trace_and_the_request_points_there(
    dsn: str, collector: Collector
) -> None:
    async with a_town(dsn, pace=replace(QUICK, start_s=60.0)) as town:
        order_id = await an_order(town, "A-1")
        await town.told(order_id, "order.confirmed")
        body, mine = b'{"reason_code": "cancelled_by_guest"}', f"00-{OTHER_ID}-00f067aa0ba902b7-01"
        path = f"/link/v2/orders/{order_id}/cancel"
        answer = await ask_json(town, path, body, await a_token(town), traceparent=mine)
        assert answer.status in (200, 202), answer.body
        await town.told(order_id, "order.cancelled")
        await came(collector, "pos cancel", "webhook cancelled")
        await came(collector, "POST /link/v2/orders/{order_id}/cancel", trace_id=OTHER_ID)
        links = {link for span in collector.of(OTHER_ID) for link in span.links}
    assert links == {TRACE_ID}
    assert "webhook confirmed" in collector.names(TRACE_ID)


async def test_orders_that_are_written_down_together_keep_a_trace_each(dsn: str, collector: Collector) -> None:
    async with a_town(dsn, worker=False) as town:
        numbers = [f"{n:032x}" for n in range(1, 9)]
        ids = await asyncio.gather(*(an_order(town, n, f"00-{n}-00f067aa0ba902b7-01") for n in numbers))
        kept = dict(await town.house.hub.pool.fetch("SELECT order_id, trace FROM orders"))
    assert [kept[order_id].split("-")[1] for order_id in ids] == numbers


async def test_an_order_of_a_trace_that_is_not_sampled_is_sent_to_nobody_whatever_works_on_it(
    dsn: str, collector: Collector
) -> None:
    async with a_town(dsn) as town:
        order_id = await an_order(town, "A-1", TRACEPARENT.removesuffix("1") + "0")
        await town.told(order_id, "order.confirmed")
        seen = await an_order(town, "A-2", f"00-{OTHER_ID}-00f067aa0ba902b7-01")
        await town.told(seen, "order.confirmed")
        await came(collector, "webhook confirmed", trace_id=OTHER_ID)
        (trace,) = await town.house.hub.pool.fetchrow("SELECT trace FROM orders WHERE order_id = $1", order_id)
    assert trace.startswith(f"00-{TRACE_ID}-")
    assert trace.endswith("-00")
    assert collector.of(TRACE_ID) == []


async def test_a_traceparent_that_is_none_is_passed_over(dsn: str, collector: Collector) -> None:
    garbage = ["", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "x" * 5000, TRACEPARENT.upper()]
    asked = "GET /link/v2/openapi.json"
    async with a_town(dsn, worker=False, pulled=False) as town:
        for text in garbage:
            assert (await ask(town, "GET", asked.removeprefix("GET "), traceparent=text)).status == 200
        await asyncio.to_thread(until, lambda: [one.name for one in collector.spans].count(asked) == len(garbage))
    begun = [span for span in collector.spans if span.name == asked]
    assert {span.parent_id for span in begun} == {""}
    assert len({span.trace_id for span in begun} - {"0" * 32}) == len(garbage)


async def test_a_paid_order_is_traced_with_its_payment_and_tells_nothing_of_a_guest_or_a_secret(
    dsn: str, collector: Collector
) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        body = counter.order(await counter.payment(TOTAL), notes="Knock at the blue door")
        token = counter.token
        raw = json.dumps(body).encode()
        named = {"application": counter.app.made.application_key, "x_api_authorization": f"Bearer {token}"}
        answer = await ask_json(town, "/api/orders", raw, traceparent=TRACEPARENT, **named)
        assert data_of(answer, 201)
        await came(collector, "payment authorize", "payment capture", "pos submit")
        await asyncio.to_thread(until, lambda: [one for one in collector.spans if one.name == "pos menu"])
    said = str([(span.name, span.attributes, span.failed) for span in collector.spans])
    guest = [text for text in body["customer_info"].values() if len(text) > 1]
    paid = body["payment_info"]["payment_init_hash"]
    for hidden in (*guest, "blue door", paid, token, counter.app.made.client_secret, "/webhooks"):
        assert hidden not in said


async def test_a_line_of_the_log_says_which_request_order_and_span_it_is_of(dsn: str, collector: Collector) -> None:
    before, logger = structlog.get_config(), CapturingLogger()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, tracing.stamp, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger("debug"),
        logger_factory=lambda *_: logger,
    )
    try:
        async with a_town(dsn, worker=False) as town:
            order_id = await an_order(town, "A-1")
            await came(collector, "POST /link/v2/orders")
    finally:
        structlog.configure(**before)
    lines = [json.loads(call.args[0]) for call in logger.calls]
    (line,) = [one for one in lines if one["event"] == "answered" and one["path"] == "/link/v2/orders"]
    span = collector.one("POST /link/v2/orders")
    assert (line["trace_id"], line["span_id"]) == (TRACE_ID, span.span_id)
    assert (line["order_id"], line["request_id"]) == (order_id, span.attributes["heard.request_id"])
    assert span.attributes["heard.order_id"] == order_id
    after = [one for one in lines[lines.index(line) + 1 :] if one["event"] == "answered"]
    assert not [one for one in after if "order_id" in one], "the order of another request"
