"""A collector of traces for tests: a real HTTP server in a thread, which reads what comes over OTLP as others would."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lengths import PATIENCE_S

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
SPAN_ID = "00f067aa0ba902b7"


@dataclass(frozen=True)
class Seen:
    """One span as it came. `process` is the id of the process that sent it."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    attributes: dict[str, Any]
    links: tuple[str, ...]
    failed: str | None
    service: str
    process: int


@dataclass
class Collector:
    """What was heard so far; `stuck` set: it takes a request and answers nothing."""

    url: str = ""
    spans: list[Seen] = field(default_factory=list)
    stuck: Event = field(default_factory=Event)
    asked: int = 0

    def of(self, trace_id: str) -> list[Seen]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def names(self, trace_id: str) -> set[str]:
        return {span.name for span in self.of(trace_id)}

    def one(self, name: str, trace_id: str = TRACE_ID) -> Seen:
        """The first span of that name."""
        return next(span for span in self.of(trace_id) if span.name == name)

    def take(self, body: bytes) -> None:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            who = {one.key: _value(one.value) for one in group.resource.attributes}
            for scope in group.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Seen(
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            span.kind,
                            {one.key: _value(one.value) for one in span.attributes},
                            tuple(link.trace_id.hex() for link in span.links),
                            span.status.message if span.status.code == 2 else None,
                            who["service.name"],
                            who["process.pid"],
                        )
                    )


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


@contextmanager
def a_collector() -> Iterator[Collector]:
    """On a free port; ended on leaving, also where it is stuck."""
    collector, ended = Collector(), Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.asked += 1
            body = self.rfile.read(int(self.headers["content-length"]))
            if collector.stuck.is_set():
                ended.wait(60)
                return
            assert self.path == "/v1/traces"
            collector.take(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def until(found: Callable[[], object]) -> None:
    """Wait, in a thread that may sleep, until something holds."""
    ends = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.02)
