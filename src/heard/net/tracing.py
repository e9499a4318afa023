"""Spans of requests, of work and of calls, for whoever sends them to a collector. An extra: heard[otel].

Without it, or with nowhere to send them, each of these functions looks at one None. A trace is written down as W3C's
traceparent, so that what a request began goes on in whatever process works on it later: docs/why/tracing.md.
"""

import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Protocol

from heard import limits

Value = str | int | float | bool
_TRACE_ID = slice(3, 35)  # where it stands in a traceparent


class Kind(StrEnum):
    """Whose call a span is about: one that came, one that goes out, none."""

    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"


class Span:
    """A span where nothing is traced: it takes everything and keeps nothing."""

    __slots__ = ()

    def __enter__(self) -> "Span":
        return self

    def __exit__(self, *raised: Any) -> None:
        """An error that goes through is told by its kind alone: its text may hold what strangers sent."""

    def note(self, attributes: Mapping[str, Value]) -> None:
        """Say more of it. Ids, names of ours and numbers; nothing of a guest, no secret, no address's path."""

    def fail(self, why: str) -> None:
        """It did not do what it was for."""


class Tracer(Protocol):
    """What makes spans: net/otel.py."""

    def span(self, name: str, kind: Kind, trace: str | None, attributes: Mapping[str, Value]) -> Span: ...
    def current(self) -> str | None: ...
    def note(self, attributes: Mapping[str, Value]) -> None: ...
    def link(self, trace: str) -> None: ...
    def close(self, within_s: float) -> None: ...


class _Process:
    tracer: Tracer | None = None


_NOTHING = Span()
_NO_ATTRIBUTES: Mapping[str, Value] = {}


def span(
    name: str,
    kind: Kind = Kind.INTERNAL,
    trace: str | None = None,
    attributes: Mapping[str, Value] = _NO_ATTRIBUTES,
) -> Span:
    """A span from entering to leaving it. `trace`: what it goes on with, else the span that it is within, else none.

    A `trace` that is none is as if there were none: it may have come from a stranger.
    """
    return _NOTHING if _Process.tracer is None else _Process.tracer.span(name, kind, trace, attributes)


def current() -> str | None:
    """The traceparent of the span that this is within; None where nothing is traced."""
    return None if _Process.tracer is None else _Process.tracer.current()


def about_order(order_id: str) -> None:
    """What is logged from here on in this task, and the span that this is within, are about an order."""
    from structlog.contextvars import bind_contextvars  # clients make calls, too, and bring no log

    bind_contextvars(order_id=order_id)
    if _Process.tracer is not None:
        _Process.tracer.note({"heard.order_id": order_id})


def request_id() -> str | None:
    """The id of the request that this is within, as its log lines have it; None where there is none."""
    from structlog.contextvars import get_contextvars

    found = get_contextvars().get("request_id")
    return found if isinstance(found, str) else None


def link(trace: str | None) -> None:
    """The span that this is within has to do with another trace."""
    if _Process.tracer is not None and trace is not None:
        mine = _Process.tracer.current()
        if mine is not None and not _same(mine, trace):
            _Process.tracer.link(trace)


def within(trace: str | None, here: str | None) -> str | None:
    """Where in a trace something is caused that is done later: `here`, if that is a part of it; else by all of it."""
    return here if trace is None or (here is not None and _same(here, trace)) else trace


def _same(one: str, another: str) -> bool:
    return one[_TRACE_ID] == another[_TRACE_ID]


def stamp(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For structlog: a line that is logged within a span says which."""
    trace = current()
    if trace is not None:
        _, line["trace_id"], line["span_id"], _ = trace.split("-")
    return line


@contextmanager
def traced(endpoint: str | None) -> Iterator[None]:
    """Meanwhile this process is traced, and its spans go to a collector at `endpoint`, or where OpenTelemetry's own
    variables say; where neither says anything, nothing is traced.

    Nothing of it may harm the work: what cannot be sent is dropped, and what cannot be set up is said once.
    """
    tracer = _make(endpoint)
    if tracer is None:
        yield
        return
    _Process.tracer = tracer
    try:
        yield
    finally:
        _Process.tracer = None
        tracer.close(limits.TRACES_FLUSH_S)


def _make(endpoint: str | None) -> Tracer | None:
    said = os.environ.get
    if said("OTEL_SDK_DISABLED", "").lower() == "true" or said("OTEL_TRACES_EXPORTER") == "none":
        return None
    if not (endpoint or said("OTEL_EXPORTER_OTLP_ENDPOINT") or said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        return None
    import structlog

    log = structlog.get_logger()
    try:
        from heard.net.otel import OtelTracer
    except ImportError as missing:
        log.warning("nothing is traced: pip install 'heard[otel]' brings what it takes", missing=missing.name)
        return None
    try:
        return OtelTracer(endpoint)
    except ValueError as error:
        log.warning("nothing is traced: a setting of OpenTelemetry is wrong", error=str(error))
        return None
