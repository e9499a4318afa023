"""The developers' drawer shows what went in and out about what is in view, and nobody else's."""

import pytest

from heard.console.pages.drawer import about
from heard.domain.ids import OrganizationId
from heard.domain.people import Role
from heard.sandbox.pos import Mood
from parties import a_town
from visiting import a_guest

ROWS = "/console/drawer/rows"


async def test_calls_and_events_about_an_order_are_those_of_that_order(dsn: str) -> None:
    async with a_town(dsn) as town:
        one, other = await town.send("A-1"), await town.send("A-2")
        for order_id in (one, other):
            await town.told(order_id, "order.confirmed")
        guest = await a_guest(town, Role.DEVELOPER)
        await guest.get(f"{ROWS}?page=/console/orders/{one}")
        assert one in guest.page
        assert other not in guest.page
        assert "POST /posnext/order/validate" in guest.text
        assert "event confirmed" in guest.text
        await guest.get(f"{ROWS}?page=/console/orders/{one}&kind=events")
        assert ("event confirmed" in guest.text, "/posnext/" in guest.text) == (True, False)
        await guest.get(f"{ROWS}?page=/console/stores/{town.venue_id}&kind=pos&text=SUBMIT")
        assert (one in guest.page, other in guest.page, "validate" in guest.text) == (True, True, False)
        await guest.get("/console/drawer?page=/console/orders/" + one)
        assert "About this order" in guest.text


async def test_only_what_failed_is_shown_where_that_is_asked_for(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.DEAF) as town:
        order_id = await town.send("A-1")
        guest = await a_guest(town)
        while (await town.order(order_id)).attempts == 0:
            await guest.get("/console")
        await guest.get(f"{ROWS}?failed=on")
        assert "submit 504" in guest.text
        assert "POST /link/v2/orders" not in guest.text


async def test_nobody_sees_anothers_traffic_and_no_odd_page_breaks_it(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("A-1")
        await town.told(order_id, "order.confirmed")
        stranger = await a_guest(town, Role.DEVELOPER, "stranger", OrganizationId("other"))
        await stranger.get(f"{ROWS}?page=/console/orders/{order_id}")
        assert order_id not in stranger.page
        everybody = await a_guest(town, Role.ADMIN, "everybody", None)
        await everybody.get(ROWS)
        assert order_id in everybody.page
        for page in ("/console/orders/ord_%27", "%F0%9F%8D%95", "/console/orders/" + "x" * 3000):
            assert (await everybody.get(f"{ROWS}?page={page}&kind=nonsense&text=%3Cscript%3E")).status == 200
            assert "<script>" not in everybody.page
        operator = await a_guest(town, Role.OPERATOR)
        assert (await operator.get(ROWS)).status == 403
        assert 'data-key="d"' not in operator.page


@pytest.mark.parametrize(
    ("page", "what"),
    [
        ("/console", "everything"),
        ("/console/orders/ord_01kdvdna000000000000000000", "this order"),
        ("/console/menus/ven_01kdvdna000000000000000000", "this store"),
        ("/console/orders/ven", "everything"),
    ],
)
def test_what_a_page_is_about(page: str, what: str) -> None:
    assert about(page)[0] == what
