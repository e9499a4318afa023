"""How long the tests take: `make test` runs the longest of them in short, `make test-long` in full."""

import asyncio
import os
from typing import Final

import pytest

LONG: Final = "TEST_LONG" in os.environ
ONE_IN: Final = 1 if LONG else 2  # of the places that a process may be killed at
ONE_ORDER_IN: Final = 1 if LONG else 3
PATIENCE_S: Final = 120.0


long = pytest.mark.skipif(not LONG, reason="takes long: make test-long")


def examples(count: int) -> int:
    """So many random examples in full, a fifth of them in short."""
    return count if LONG else count // 5


def patience() -> asyncio.Timeout:
    """Until what must come has come. Whoever waits longer hangs, on the busiest machine too."""
    return asyncio.timeout(PATIENCE_S)
