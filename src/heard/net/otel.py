"""Spans by OpenTelemetry, sent over OTLP/HTTP by a thread of their own. Imported only where something is traced."""

import os
import threading
from collections.abc import Mapping
from contextvars import Token
from typing import Any

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from heard import __version__
from heard.net.tracing import Kind, Span, Value

_KINDS = {Kind.SERVER: SpanKind.SERVER, Kind.CLIENT: SpanKind.CLIENT, Kind.INTERNAL: SpanKind.INTERNAL}
_W3C = TraceContextTextMapPropagator()


class OtelTracer:
    """One process's. What is sampled, what it is called and how it is sent is OpenTelemetry's to read: OTEL_..."""

    def __init__(self, endpoint: str | None) -> None:
        exporter = OTLPSpanExporter(None if endpoint is None else f"{endpoint}/v1/traces")
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("heard", __version__)

    def span(self, name: str, kind: Kind, goes_on: str | None, attributes: Mapping[str, Value]) -> Span:
        parent = _context_of(goes_on) if goes_on is not None else None
        made = self._tracer.start_span(name, parent, _KINDS[kind], attributes, record_exception=False)
        return _Recorded(made)

    def current(self) -> str | None:
        found = trace.get_current_span().get_span_context()
        if not found.is_valid:
            return None
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"

    def note(self, attributes: Mapping[str, Value]) -> None:
        trace.get_current_span().set_attributes(attributes)

    def link(self, other: str) -> None:
        found = trace.get_current_span(_context_of(other)).get_span_context()
        if found.is_valid:
            trace.get_current_span().add_link(found)

    def close(self, within_s: float) -> None:
        """Send what is left, but not for longer than this: a collector that is slow holds up no process that ends."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces-flush", daemon=True)
        closing.start()
        closing.join(within_s)


class _Recorded(Span):
    __slots__ = ("_left", "_span")

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._left: Token[Context] | None = None

    def __enter__(self) -> Span:
        self._left = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(self, *raised: Any) -> None:
        if isinstance(raised[1], Exception):
            self.fail(type(raised[1]).__name__)
        assert self._left is not None  # it was entered
        context.detach(self._left)
        self._span.end()

    def note(self, attributes: Mapping[str, Value]) -> None:
        self._span.set_attributes(attributes)

    def fail(self, why: str) -> None:
        self._span.set_status(StatusCode.ERROR, why)


def _context_of(traceparent: str) -> Context:
    """The place in a trace that a traceparent names; nowhere, where it is none."""
    return _W3C.extract({"traceparent": traceparent}, Context())


def _resource() -> Resource:
    """Who sends: as OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say, else "heard"."""
    found = Resource.create({"service.version": __version__, "process.pid": os.getpid()})
    if str(found.attributes["service.name"]).startswith("unknown_service"):
        return found.merge(Resource({"service.name": "heard"}))
    return found
