"""Tracing where nobody wants it, where it cannot be had, and where it is set up wrong: the work goes on."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest
import structlog
from structlog.testing import capture_logs

from collector import TRACEPARENT, a_collector
from heard.net import tracing
from heard.net.tracing import traced

OTHER = "00-11111111111111111111111111111111-00f067aa0ba902b7-01"


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """What is logged can be captured."""
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)


def a_span_is_traced() -> bool:
    with tracing.span("a span", trace=TRACEPARENT):
        return tracing.current() is not None


def test_a_process_that_is_not_traced_loads_nothing_of_it() -> None:
    loads = "import heard.bootstrap, heard.http.app, heard.work.worker, heard.cli.serve, sys;"
    says = "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf'))])"
    said = subprocess.run([sys.executable, "-c", loads + says], capture_output=True, check=True, timeout=60)
    assert said.stdout.decode().strip() == "[]"


def test_without_the_extra_nothing_is_traced_and_one_line_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "heard.net.otel", raising=False)
    with capture_logs() as lines, traced("http://127.0.0.1:9"):
        assert not a_span_is_traced()
    (line,) = lines
    assert "heard[otel]" in line["event"]
    assert line["log_level"] == "warning"


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "TRUE"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_what_switches_opentelemetry_off_holds(monkeypatch: pytest.MonkeyPatch, off: dict[str, str]) -> None:
    for name, value in off.items():
        monkeypatch.setenv(name, value)
    with traced("http://127.0.0.1:9"):
        assert not a_span_is_traced()


def test_a_wrong_setting_of_opentelemetry_ends_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "0")
    with capture_logs() as lines, traced("http://127.0.0.1:9"):
        assert not a_span_is_traced()
    assert [line["log_level"] for line in lines] == ["warning"]


def test_spans_that_are_left_are_sent_when_the_process_ends_under_the_name_it_was_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "our-hub")
    with a_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        with traced(None), suppress(ValueError), tracing.span("a span") as span:
            span.note({"heard.venue_id": "ven_1"})
            raise ValueError("hush")
        (seen,) = collector.spans
    assert (seen.service, seen.failed, seen.attributes) == ("our-hub", "ValueError", {"heard.venue_id": "ven_1"})
    assert not a_span_is_traced()


def test_where_something_is_caused_stays_in_the_trace_that_it_belongs_to() -> None:
    deeper = TRACEPARENT.replace("00f067aa0ba902b7", "1111111111111111")
    assert tracing.within(TRACEPARENT, deeper) == deeper
    assert tracing.within(TRACEPARENT, OTHER) == TRACEPARENT
    assert tracing.within(TRACEPARENT, None) == TRACEPARENT
    assert tracing.within(None, OTHER) == OTHER
    assert tracing.within(None, None) is None
