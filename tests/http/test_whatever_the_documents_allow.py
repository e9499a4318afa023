"""The hub's own OpenAPI documents, turned against a hub that is really served: whatever they allow gets an answer that
they describe, and never a 5xx.
"""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from asking import a_key, a_token, credentials
from databases import Databases
from documents import LINE, every_call, tried
from heard.domain.ids import uuid_of
from heard.protocols.admin.openapi import admin_document
from heard.protocols.link.openapi import link_document
from heard.protocols.ordering.openapi import ordering_document
from ordering import an_app
from parties import a_town

CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance, response_headers_conformance]
ADMIN, LINK, ORDERING = admin_document(), link_document(), ordering_document()
_CASES = 30


@dataclass(frozen=True, slots=True)
class Served:
    """A hub in a thread of its own, and what lets one in."""

    url: str
    venue_id: str
    order_id: str
    marketplace_id: str
    token: str
    key: str
    application: dict[str, str]


@pytest.fixture(scope="module")
def served(databases: Databases) -> Iterator[Served]:
    ready, end = threading.Event(), threading.Event()
    found: list[Served] = []

    async def run() -> None:
        name = await databases.lend()
        async with a_town(databases.dsn(name), worker=False) as town:
            order_id = await town.send("A-1")
            token = await a_token(town, "orders menus stores events")
            client_id = credentials(town)["client_id"]
            app = await an_app(town)
            lets_in = {
                "application": app.made.application_key,
                "x-api-authorization": f"Bearer {await app.token()}",
                "authorization": app.basic,
            }
            key = await a_key(town)
            found.append(Served(town.hub_url, town.venue_id, order_id, client_id, token, key, lets_in))
            ready.set()
            while not end.is_set():
                await asyncio.sleep(0.05)
        await databases.take_back(name)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert ready.wait(30)
        yield found[0]
    finally:
        end.set()
        thread.join(30)


@pytest.mark.filterwarnings("default")  # the tool's own
@every_call(LINK)
def test_whatever_links_document_allows_is_answered_as_it_says(call: str, served: Served) -> None:
    """Most calls are let in, and about an order that is there: what is behind the gate should hear them too."""

    def ask(case: Any) -> None:
        if not case.path.startswith("/link/v2/oauth"):
            case.headers = {**(case.headers or {}), "authorization": f"Bearer {served.token}"}
        _ask_about_what_is_there(case, served)
        _look(case, served)

    tried(LINK, call, ask, _CASES)


@pytest.mark.filterwarnings("default")
@every_call(ADMIN)
def test_whatever_the_admin_document_allows_is_answered_as_it_says(call: str, served: Served) -> None:
    def ask(case: Any) -> None:
        case.headers = {**(case.headers or {}), "authorization": f"Bearer {served.key}"}
        _ask_about_what_is_there(case, served)
        _look(case, served)

    tried(ADMIN, call, ask, _CASES)


@pytest.mark.filterwarnings("default")
@every_call(ORDERING)
def test_whatever_the_ordering_apis_document_allows_is_answered_as_it_says(call: str, served: Served) -> None:
    def ask(case: Any) -> None:
        case.headers = {**(case.headers or {}), **served.application}
        if "venue_id" in (case.path_parameters or {}) and len(case.path_parameters["venue_id"]) % 2:
            case.path_parameters["venue_id"] = uuid_of(served.venue_id)
        _look(case, served)

    tried(ORDERING, call, ask, _CASES)


def _look(case: Any, served: Served) -> None:
    response = case.call(base_url=served.url, session=LINE, timeout=20)
    case.validate_response(response, checks=CHECKS)


def _ask_about_what_is_there(case: Any, served: Served) -> None:
    known = {"order_id": served.order_id, "venue_id": served.venue_id, "marketplace_id": served.marketplace_id}
    for name in set(case.path_parameters or {}) & set(known):
        # Half of them, and the same half each time; a marketplace that another example shuts out says nothing more.
        if len(case.path_parameters[name]) % 2 and not case.path.endswith(("/disable", "/revoke-tokens", "/scopes")):
            case.path_parameters[name] = known[name]
    if isinstance(case.body, dict) and "venue_id" in case.body:
        case.body["venue_id"] = served.venue_id
