"""The admin API's calls about what is off a store's menu for a while; operations.py lists them."""

from typing import Final

from heard.protocols.admin import wire_items
from heard.protocols.admin.operation import PAGE, STORES, Operation

LIST_ITEMS_OFF: Final = Operation(
    name="list_items_off",
    method="GET",
    path=f"{STORES}/{{venue_id}}/items/off",
    summary="Products and modifiers that are off a store's menu now, by their ids",
    scope="read",
    response=wire_items.ItemsOffPage,
    queries=PAGE,
)

TAKE_ITEM_OFF: Final = Operation(
    name="take_item_off",
    method="POST",
    path=f"{STORES}/{{venue_id}}/items/off",
    summary="Take a product or a modifier off a store's menu, for so long or until it is put back; channels are told",
    scope="menus",
    request=wire_items.TakeOff,
    response=wire_items.ItemTakenOff,
)

PUT_ITEM_BACK: Final = Operation(
    name="put_item_back",
    method="POST",
    path=f"{STORES}/{{venue_id}}/items/on",
    summary="Put back what is off a store's menu; channels are told",
    scope="menus",
    request=wire_items.PutBack,
    response=wire_items.ItemPutBack,
)
