"""The hub's handlers: a database out of reach is 503, whatever was being done; every answer is counted."""

import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from heard.engine import metrics
from heard.net import answering
from heard.net.answering import Handler, Refusing, problem_response
from heard.storage.faults import UNREACHABLE

_APIS: Final = {"link": "link", "api": "ordering", "posnext": "posnext", "admin": "admin"}  # by how their paths begin


def answered(handler: Handler, refuse: Refusing = problem_response) -> Handler:
    """The handler with every way out of it answered, and counted."""
    answer = answering.answered(handler, UNREACHABLE, refuse)

    async def counted(request: Request) -> Response:
        begun = time.perf_counter()
        response = await answer(request)
        api = _APIS.get(request.scope["path"].partition("/")[2].partition("/")[0], "other")
        metrics.requests.labels(api, str(response.status_code)).observe(time.perf_counter() - begun)
        return response

    return counted
