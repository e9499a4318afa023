"""What a process counts of its own work, for Prometheus: add up what all of them say.

What is the same whichever process is asked (what waits, how old it is, which POS is gone) is not counted but read from
the database: storage/gauges.py.
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from heard.domain.order.decide import HistoryLine
from heard.engine.hub import Hub
from heard.storage.gauges import Reading
from heard.storage.rows import Exchange

REGISTRY = CollectorRegistry()
_WITHIN_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_USUAL = frozenset({200, 201, 202, 204, 304, 400, 401, 403, 404, 409, 410, 422, 429, 500, 502, 503, 504})

requests = Histogram(
    "heard_request_seconds",
    "Requests answered, by the API that was asked and the answer's status.",
    ("api", "status"),
    buckets=_WITHIN_S,
    registry=REGISTRY,
)
shed = Counter(
    "heard_requests_shed",
    "Requests refused at the door with 503, because as much of their API was under way as may be.",
    ("api",),
    registry=REGISTRY,
)
requests_under_way = Gauge(
    "heard_requests_under_way",
    "Requests that this process is at, by the API that was asked.",
    ("api",),
    registry=REGISTRY,
)
calls = Histogram(
    "heard_call_seconds",
    "Calls made, by whom was called (pos, channel, payment) and the answer's status; `none`: no answer came.",
    ("peer", "status"),
    buckets=_WITHIN_S,
    registry=REGISTRY,
)
steps = Counter(
    "heard_order_steps",
    "Steps of orders that were written down; `changed` no: it came late, and is in the history only.",
    ("step", "changed"),
    registry=REGISTRY,
)
under_way = Gauge("heard_work_under_way", "Work that this process holds leases for.", ("lane",), registry=REGISTRY)

# What is read from the database, and what its readings are labelled with.
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "heard_orders_open": (
        "Orders with something still to come, where they stand.",
        ("organization", "channel", "status"),
    ),
    "heard_orders_attention": ("Orders that a person should look at, and why.", ("organization", "why")),
    "heard_due_age_seconds": ("How long the oldest work that is due has waited; 0: nothing does.", ("work",)),
    "heard_deliveries": ("Events on their way to an endpoint (due), and given up (dead).", ("state",)),
    "heard_pos_gone": ("Stores whose POS counts as gone; 1 each.", ("organization", "venue_id")),
    "heard_stores_paused": (
        "Stores that somebody holds, by who does: hub, staff or a channel.",
        ("organization", "held_by"),
    ),
}


def made(exchange: Exchange) -> None:
    """A call that was made to another party."""
    calls.labels(exchange.peer, _status(exchange.status)).observe(exchange.ms / 1000)


def _status(status: int | None) -> str:
    """What others answer is theirs to choose: seldom ones are told by their class alone."""
    if status is None:
        return "none"
    return str(status) if status in _USUAL else f"{status // 100}xx"


def stepped(history: Iterable[HistoryLine]) -> None:
    """Steps that are on disk."""
    for line in history:
        steps.labels(line.step, "yes" if line.changed else "no").inc()


def exposition(hub: Hub, readings: Sequence[Reading] | None) -> bytes:
    """Everything in Prometheus' text format. `readings` None: the database cannot be reached, which is told too."""
    now = CollectorRegistry()
    now.register(_Now(hub, readings))
    return generate_latest(REGISTRY) + generate_latest(now)


class _Now(Collector):
    """How things stand at this moment."""

    def __init__(self, hub: Hub, readings: Sequence[Reading] | None) -> None:
        self._hub, self._readings = hub, readings

    def collect(self) -> Iterator[Metric]:
        reached = GaugeMetricFamily("heard_database_up", "Whether the database could be reached.")
        reached.add_metric((), float(self._readings is not None))
        yield reached
        pool = GaugeMetricFamily("heard_database_connections", "This process's connections.", labels=("state",))
        idle = self._hub.pool.get_idle_size()
        pool.add_metric(("idle",), idle)
        pool.add_metric(("used",), self._hub.pool.get_size() - idle)
        yield pool
        waiting = GaugeMetricFamily(
            "heard_batch_waiting", "Reads and writes of this process that wait for their batch.", labels=("batch",)
        )
        for name, count in self._hub.waiting().items():
            waiting.add_metric((name,), count)
        yield waiting
        if self._readings is None:
            return
        for name, (says, labels) in GAUGES.items():
            family = GaugeMetricFamily(name, says, labels=labels)
            for reading in self._readings:
                if reading.name == name:
                    family.add_metric(reading.labels, reading.value)
            yield family
