"""An outcome that nobody could tell for a day: a person has the POS asked again, and it is, before it is given up."""

from collections import Counter

import pytest

from heard import limits
from heard.domain.ids import OrderId
from heard.domain.order import commands as c
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Status, Ticket
from heard.engine.act_on_order import act_on_order
from mishaps import STILL, called_for, come_soon, lost, order_that
from parties import Town, a_town


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    come_soon(monkeypatch)


async def failures(town: Town, order_id: OrderId) -> int:
    return Counter(row.step for row in await town.history(order_id))[Step.FAIL_ATTEMPT]


async def test_after_days_a_retry_asks_the_pos_and_tells_what_came_of_it(dsn: str) -> None:
    async with a_town(dsn, pace=STILL, callbacks=False) as town:
        order = await lost(town, "A-1")
        order_id = order.order_id
        assert (order.status, order.ticket) == (Status.REJECTED, Ticket.SENT)
        before = await failures(town, order_id)
        assert before >= limits.SETTLE_CALLS_MIN

        await act_on_order(town.house.hub, order_id, c.Unpark(c.STAFF))
        order = await called_for(town, order_id)  # it is still gone: what came of each call stands in the history
        assert order.ticket is Ticket.SENT
        assert await failures(town, order_id) - before == limits.SETTLE_CALLS_MIN

        town.pos_returns()
        changed = await act_on_order(town.house.hub, order_id, c.Unpark(c.STAFF))
        assert (changed.order.parked, changed.order.attention) == (False, None)
        order = await order_that(town, order_id, lambda order: order.ticket is Ticket.CANCELLED)
        assert (order.status, order.attention, order.parked) == (Status.REJECTED, None, False)
        assert [order.pos_order_id] == town.tickets(order_id)
        assert await town.told(order_id, "order.rejected") == ["order.rejected"]
