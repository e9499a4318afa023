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
from heard.sandbox.pos import Mood
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


async def cancel_order(town: Town) -> list[Answer]:
    body, own = b'{"reason_code": "cancelled_by_guest"}', await a_token(town)
    town.pos.mood = lambda _: Mood.SLOW
    slow = await town.send("X-1")
    await town.until(slow, Status.AWAITING_POS)
    open_ = await ask_json(town, f"{ORDERS}/{slow}/cancel", body, own)
    await town.until(slow, Status.CANCELLED)
    town.pos.mood = lambda _: Mood.WELL
    return [open_, await ask_json(town, f"{ORDERS}/{slow}/cancel", body, own)]


async def read_events(town: Town) -> list[Answer]:
    own = await a_token(town, "events")
    return [await ask(town, "GET", f"/link/v2/events?limit={limit}", token=own) for limit in (1, 1000)]


async def list_stores(town: Town) -> list[Answer]:
    return [await ask(town, "GET", "/link/v2/stores?limit=1", token=await a_token(town, "stores"))]


async def read_store(town: Town) -> list[Answer]:
    return [await ask(town, "GET", f"/link/v2/stores/{town.venue_id}", token=await a_token(town, "stores"))]


async def pause_store(town: Town) -> list[Answer]:
    body = b'{"reason": "no riders", "duration_minutes": 5}'
    return [await ask_json(town, f"/link/v2/stores/{town.venue_id}/pause", body, await a_token(town, "stores"))]


async def resume_store(town: Town) -> list[Answer]:
    return [await ask(town, "POST", f"/link/v2/stores/{town.venue_id}/resume", token=await a_token(town, "stores"))]


async def read_menu(town: Town) -> list[Answer]:
    path, own = f"/link/v2/stores/{town.venue_id}/menu", await a_token(town, "menus")
    first = await ask(town, "GET", path, token=own)
    return [first, await ask(town, "GET", path, token=own, if_none_match=first.headers["etag"])]


EXAMPLES: dict[str, Example] = {
    "cancel_order": cancel_order,
    "read_events": read_events,
    "list_stores": list_stores,
    "read_store": read_store,
    "pause_store": pause_store,
    "resume_store": resume_store,
    "read_menu": read_menu,
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
