"""The hub's handlers: a database out of reach is 503, whatever was being done; every answer is counted."""

from functools import partial
from typing import Final

from heard.engine import metrics
from heard.net import answering
from heard.storage.faults import UNREACHABLE

API_OF: Final = {
    "link": "link",
    "api": "ordering",
    "posnext": "posnext",
    "admin": "admin",
    "console": "console",
}  # by how their paths begin


def _count(path: str, status: int, took_s: float) -> None:
    api = API_OF.get(path.removeprefix("/").partition("/")[0], "other")
    metrics.requests.labels(api, str(status)).observe(took_s)


answered = partial(answering.answered, unreachable=UNREACHABLE, count=_count)
