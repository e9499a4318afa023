"""`heard points`: where at a store orders of the Ordering API are placed to."""

from typing import Annotated

from cyclopts import App, Parameter

from heard.cli.arguments import ApiJson, Page, Venue
from heard.cli.office import office
from heard.cli.output import console, fail, print_json, print_rows, row_of
from heard.cli.running import run
from heard.clients.admin import operations as call
from heard.domain.order_types import OrderType
from heard.protocols.admin.encode import order_type_word
from heard.protocols.admin.wire_places import NewPoint

_WORDS = {order_type.word: order_type_word(order_type) for order_type in OrderType}

OrderTypes = Annotated[list[str], Parameter(negative="", help=f"How it is ordered there: {', '.join(_WORDS)}.")]

app = App(name="points", help="Singular points: where at a store orders of the Ordering API are placed to.")


@app.command
def add(venue: Venue, *, name: str, order_type: OrderTypes, json: ApiJson = False) -> None:
    """Add a counter, a table or a door to a store; prints its id, as ours and as the Ordering API writes it.

    For example:

        heard points add ven_01kdvp1e000000000000000000 --name Counter --order-type takeout --order-type dine-in-pickup

    Parameters
    ----------
    name
        What people call it; each of a store's has its own.
    """
    unknown = [one for one in order_type if one not in _WORDS]
    if unknown:
        raise fail(f"--order-type: {unknown[0][:40]!r} is none of {', '.join(_WORDS)}")
    run(_add(venue, NewPoint(name=name, order_types=[_WORDS[one] for one in order_type]), json))


@app.command(name="list")
def list_(venue: Venue | None = None, *, limit: Page = 100, after: str | None = None, json: ApiJson = False) -> None:
    """List the singular points, or those of one store.

    For example:

        heard points list ven_01kdvp1e000000000000000000 --json

    Parameters
    ----------
    after
        The `next` of the page before this one: the id of its last point.
    """
    run(_list(venue, limit, after, json))


@app.command
def remove(point: str, *, json: ApiJson = False) -> None:
    """Take no more orders at a singular point. Those that were placed to it go on.

    For example:

        heard points remove spt_01kdvp1e000000000000000000

    Parameters
    ----------
    point
        Its id (spt_...).
    """
    run(_remove(point, json))


async def _add(venue_id: str, body: NewPoint, json: bool) -> None:
    async with office() as hub:
        point = await hub.call(call.ADD_POINT, body, venue_id=venue_id)
    if json:
        print_json(point)
    else:
        console.print(f"Added {point.name}: {point.singular_point_id}")
        console.print(f"For the Ordering API it is {point.uuid}.")


async def _list(venue_id: str | None, limit: int, after: str | None, json: bool) -> None:
    async with office() as hub:
        page = await hub.call(call.LIST_POINTS, venue_id=venue_id, limit=limit, after=after)
    if json:
        print_json(page)
        return
    columns = {
        "singular_point_id": "Point",
        "uuid": "For the Ordering API",
        "venue_id": "Venue",
        "name": "Name",
        "order_types": "Order types",
    }
    rows = [row_of(point) for point in page.points]
    print_rows("Singular points", rows, columns, "No singular points yet. Add one: heard points add --help")


async def _remove(point_id: str, json: bool) -> None:
    async with office() as hub:
        removed = await hub.call(call.REMOVE_POINT, singular_point_id=point_id)
    if json:
        print_json(removed)
    else:
        console.print(f"{removed.singular_point_id} takes no more orders.")
