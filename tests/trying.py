"""How tests try orders out: at a second store of the town's organization, with a POS of its own."""

import html
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asking import credentials
from builders import SHARED_ID, a_menu, a_store
from heard.domain.ids import LocationId, OrderId, VenueId
from heard.domain.pos import PosOrder
from heard.domain.stores import PosConnection, StoreRules
from heard.engine.add_parties import add_store, connect_store
from heard.engine.set_rules import set_rules
from heard.net.listening import listening
from heard.sandbox.ledger import pos_ledger
from heard.sandbox.pos import Mood, SandboxPos
from heard.work.menus import pull_menu
from parties import QUICK, Town, cooking
from visiting import Guest

_PLACE = LocationId("LOC-2")


@dataclass(frozen=True, slots=True)
class Kitchen:
    """A store for trying out, and its POS."""

    venue_id: VenueId
    pos: SandboxPos

    def has_ticket(self, order_id: OrderId) -> bool:
        return bool(self.pos.ledger.rows("SELECT 1 FROM tickets WHERE online_order_id = ?", order_id))


@asynccontextmanager
async def a_kitchen(town: Town, mood: Callable[[PosOrder], Mood] = lambda _: Mood.WELL) -> AsyncIterator[Kitchen]:
    """It is connected to the town's marketplace, has its menu, and cooks."""
    hub = town.house.hub
    with listening("127.0.0.1", 0) as bound:
        line = PosConnection(f"http://127.0.0.1:{bound.getsockname()[1]}", SHARED_ID)
        venue_id = VenueId(hub.new_id("ven", await hub.now()))
        rules = StoreRules(sandbox=True)
        store = a_store(venue_id=venue_id, location_id=_PLACE, name="Test kitchen", pos=line, rules=rules)
        await add_store(hub, store)
        await hub.pool.execute("UPDATE menu_fetches SET next_at = NULL")
        await connect_store(hub, venue_id, credentials(town)["client_id"])
        pos = SandboxPos(line, a_menu(location_id=_PLACE), pos_ledger(None), town.house.outbound, mood, QUICK)
        async with cooking(pos, bound):
            await pull_menu(hub, town.house.outbound, store)
            yield Kitchen(venue_id, pos)


async def is_sandbox(town: Town, sandbox: bool = True) -> str:
    """The town's own store is for trying out, or is not; the place that the form offers for it."""
    await set_rules(town.house.hub, town.venue_id, sandbox=sandbox)
    return f"{town.venue_id}/{credentials(town)['client_id']}"


def page_of(order_id: str) -> str:
    return f"/console/orders/{order_id}/try"


def typed(page: str) -> str:
    """What stands in the form's text."""
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert found is not None, page
    return html.unescape(found[1])


def offered(guest: Guest) -> list[str]:
    """The places that the page that is loaded offers."""
    return re.findall(r'<option value="(ven_[^"]+)"', guest.page)
