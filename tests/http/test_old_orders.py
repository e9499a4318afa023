"""An order that is kept no more: what is said of it, and of its number."""

import json

from asking import a_token, an_order_body, ask, ask_json, problem_of
from heard.storage.partitions import Kept
from heard.work.retention import keep_house
from parties import a_town

ORDERS = "/link/v2/orders"


async def test_a_number_is_used_for_ever_also_when_its_order_is_kept_no_more(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, good = await a_token(town), an_order_body(town)
        order_id = json.loads((await ask_json(town, ORDERS, json.dumps(good).encode(), token)).body)["order_id"]
        hub = town.house.hub
        await hub.pool.execute("UPDATE orders SET next_at = NULL")
        await hub.pool.execute("UPDATE clock SET \"offset\" = '100 days'")
        await keep_house(hub, Kept(orders_months=1, exchanges_days=1))
        token = await a_token(town)
        assert (await ask(town, "GET", f"{ORDERS}/{order_id}", token=token)).status == 404
        error = problem_of(await ask_json(town, ORDERS, json.dumps(good).encode(), token), 409, "order_conflict")[
            "errors"
        ][0]
        assert error["path"] == "$.external_order_id"
        assert "no longer kept" in error["message"]
