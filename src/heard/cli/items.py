"""`heard items`: what is off a store's menu for a while, taken off, put back and listed."""

from typing import Annotated

from cyclopts import App

from heard import limits
from heard.cli.arguments import ApiJson, Page, Venue, says, whole
from heard.cli.office import office
from heard.cli.output import console, print_json, print_rows, when
from heard.cli.running import run
from heard.clients.admin import operations as call
from heard.clients.admin import wire_items

Item = Annotated[str, says("The product's or the modifier's id, as the menu has it.")]
Minutes = Annotated[int, whole(1, limits.ITEM_OFF_MINUTES_MAX)]

app = App(name="items", help="What a store is out of: take it off the menu for a while, put it back.")


@app.command
def off(venue: Venue, item: Item, *, minutes: Minutes | None = None, json: ApiJson = False) -> None:
    """Take a product or a modifier off a store's menu, for so long or until it is put back. Channels are told.

    Orders with it are refused from now on; those that were taken before go on. A second time, the new time holds.

    For example:

        heard items off ven_01kdvp1e000000000000000000 FRIES --minutes 60

    Parameters
    ----------
    minutes
        So long at most; then it can be had again by itself.
    """
    run(_off(venue, wire_items.TakeOff(item_id=item, minutes=minutes), json))


@app.command
def on(venue: Venue, item: Item, *, json: ApiJson = False) -> None:
    """Put a product or a modifier back on a store's menu, as far as its POS has it to sell. Channels are told.

    For example:

        heard items on ven_01kdvp1e000000000000000000 FRIES
    """
    run(_on(venue, wire_items.PutBack(item_id=item), json))


@app.command(name="list")
def list_(venue: Venue, *, limit: Page = 100, after: str | None = None, json: ApiJson = False) -> None:
    """List what is off a store's menu now, since when, until when, and who took it off.

    For example:

        heard items list ven_01kdvp1e000000000000000000 --json

    Parameters
    ----------
    after
        The `next` of the page before this one: the id of its last item.
    """
    run(_list(venue, limit, after, json))


async def _off(venue_id: str, body: wire_items.TakeOff, json: bool) -> None:
    async with office() as hub:
        taken = await hub.call(call.TAKE_ITEM_OFF, body, venue_id=venue_id)
    if json:
        print_json(taken)
        return
    item = taken.item
    until = f"until {when(item.until)} UTC" if item.until else f"until `heard items on {venue_id} {item.item_id}`"
    console.print(f"{item.name} is off the menu of {venue_id} {until}.")


async def _on(venue_id: str, body: wire_items.PutBack, json: bool) -> None:
    async with office() as hub:
        back = await hub.call(call.PUT_ITEM_BACK, body, venue_id=venue_id)
    if json:
        print_json(back)
    elif back.new:
        console.print(f"{back.name} is back on the menu of {venue_id}.")
    else:
        console.print(f"{back.item_id} was not off the menu of {venue_id}.")


async def _list(venue_id: str, limit: int, after: str | None, json: bool) -> None:
    async with office() as hub:
        page = await hub.call(call.LIST_ITEMS_OFF, venue_id=venue_id, limit=limit, after=after)
    if json:
        print_json(page)
        return
    rows = [
        {
            "item_id": one.item_id,
            "name": one.name,
            "since": when(one.since),
            "until": when(one.until) if one.until else "it is put back",
            "by": one.by,
        }
        for one in page.items
    ]
    columns = {"item_id": "Item", "name": "Name", "since": "Off since (UTC)", "until": "Until (UTC)", "by": "By"}
    print_rows(f"Off the menu of {venue_id}", rows, columns, "Nothing is off the menu.")
