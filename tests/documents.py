"""OpenAPI documents turned against what is really served: each call is tried with whatever its document allows.

What a call is tried with is worked out where it is tried. The tool's own mark works it out while tests are collected,
and every process of a run collects them all: half a minute of the cores, each time.
"""

from collections.abc import Callable
from typing import Any, Protocol

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test

from lengths import examples

LINE = requests.Session()  # kept open; the tool would open one for each case, and look for proxies
LINE.trust_env = False
_METHODS = ("get", "put", "post", "delete", "patch")


class Ask(Protocol):
    """Makes one call and looks at its answer."""

    def __call__(self, case: Any) -> None: ...


def every_call(document: dict[str, Any]) -> pytest.MarkDecorator:
    """Parametrizes a test by the document's calls: its `call` is "POST /link/v2/orders"."""
    paths = document["paths"].items()
    return pytest.mark.parametrize(
        "call", [f"{method.upper()} {path}" for path, known in paths for method in _METHODS if method in known]
    )


def tried(document: dict[str, Any], call: str, ask: Ask, count: int) -> None:
    """Ask with the document's examples, with its limits, and with so many random cases (in short, a fifth of them)."""
    schema = schemathesis.openapi.from_dict(document)
    operation = schema.find_operation_by_label(call)
    assert operation is not None, call
    test: Callable[[], None] = build_operation_test(
        config=schema.config,
        operation=operation,
        test_func=ask,
        given_kwargs={},
        feedback=FeedbackSources(),
        explicit_settings=settings(
            max_examples=examples(count), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
        ),
    )
    test()
