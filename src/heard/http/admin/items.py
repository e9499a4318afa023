"""The admin API's handlers for what is off a store's menu for a while."""

from starlette.responses import Response

from heard.domain.ids import VenueId
from heard.domain.order.model import Party
from heard.engine import items_off
from heard.engine.hub import Hub
from heard.engine.oversee import store_of
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, encode, wire_items


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler by the name of its operation."""

    async def list_(asked: Asked) -> Response:
        venue_id, count = VenueId(asked.path["venue_id"]), decode.page_size(asked.query)
        after = asked.query.get("after", "")
        found = await items_off.items_page(hub, asked.organization_id, venue_id, count, after)
        last = found[-1].item_id if len(found) == count else None
        return answer(wire_items.ItemsOffPage(items=[encode.item_off(one) for one in found], next=last))

    async def take_off(asked: Asked) -> Response:
        store = await store_of(hub, asked.organization_id, VenueId(asked.path["venue_id"]))
        by = asked.holder.acting or Party.STAFF.value
        item, new = await items_off.take_off(hub, store, asked.body.item_id, asked.body.minutes, by)
        return answer(wire_items.ItemTakenOff(venue_id=store.venue_id, item=encode.item_off(item), new=new))

    async def put_back(asked: Asked) -> Response:
        store = await store_of(hub, asked.organization_id, VenueId(asked.path["venue_id"]))
        item_id = asked.body.item_id
        name = await items_off.put_back(hub, store, item_id)
        return answer(wire_items.ItemPutBack(venue_id=store.venue_id, item_id=item_id, new=name is not None, name=name))

    return {"list_items_off": list_, "take_item_off": take_off, "put_item_back": put_back}
