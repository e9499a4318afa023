"""Every call of Link answers as its OpenAPI document says: what all is well looks like, with nothing undescribed.

`ask` holds every answer of every test to the document; here each call must have been answered well at least once.
"""

import json
from collections.abc import Awaitable, Callable

from asking import FORM, a_token, an_order_body, ask, ask_json, ask_token, credentials
from heard.domain.order.model import Status
from heard.net.call import Answer
from heard.protocols.link.openapi import link_document
from heard.protocols.link.operations import OPERATIONS
from parties import Town, a_town

ORDERS = "/link/v2/orders"
Example = Callable[[Town], Awaitable[list[Answer]]]


async def token(town: Town) -> list[Answer]:
    return [await ask_token(town, grant_type="client_credentials", **credentials(town))]


async def revoke_token(town: Town) -> list[Answer]:
    form = "&".join(f"{name}={value}" for name, value in {**credentials(town), "token": "hat_1"}.items())
    return [await ask(town, "POST", "/link/v2/oauth/revoke", form.encode(), content_type=FORM)]


async def create_order(town: Town) -> list[Answer]:
    body, own = json.dumps(an_order_body(town, "C-1")).encode(), await a_token(town)
    return [await ask_json(town, ORDERS, body, own), await ask_json(town, ORDERS, body, own)]


async def find_orders(town: Town) -> list[Answer]:
    own = await a_token(town)
    await town.send("F-1")
    return [await ask(town, "GET", f"{ORDERS}?external_order_id={number}", token=own) for number in ("F-1", "none")]


async def read_order(town: Town) -> list[Answer]:
    own, order_id = await a_token(town), await town.send("R-1", notes="Ring twice.")
    first = await ask(town, "GET", f"{ORDERS}/{order_id}", token=own)
    await town.until(order_id, Status.COMPLETED)
    return [first, await ask(town, "GET", f"{ORDERS}/{order_id}", token=own)]


EXAMPLES: dict[str, Example] = {
    "token": token,
    "revoke_token": revoke_token,
    "create_order": create_order,
    "find_orders": find_orders,
    "read_order": read_order,
}


async def test_every_call_is_answered_well_and_as_the_document_says(dsn: str) -> None:
    assert set(EXAMPLES) == {operation.name for operation in OPERATIONS}
    async with a_town(dsn) as town:
        for operation in OPERATIONS:
            answers = await EXAMPLES[operation.name](town)
            assert {answer.status for answer in answers} == set(operation.success), operation.name


async def test_the_document_is_served_to_whoever_asks(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        answer = await ask(town, "GET", "/link/v2/openapi.json")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert json.loads(answer.body) == json.loads(json.dumps(link_document()))
