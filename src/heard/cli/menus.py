"""`heard menus`: fetch a store's menu from its POS."""

from typing import Annotated

from cyclopts import App, Parameter

from heard.cli.output import console, fail, print_json
from heard.cli.running import house, run
from heard.connectors.contract import MenuUnavailable
from heard.domain.ids import VenueId
from heard.domain.refusals import Refused
from heard.engine.keep_menu import MenuRefused
from heard.work.menus import pull_menu

app = App(name="menus", help="Menus: fetch one from its POS.")


@app.command
def pull(venue: str, *, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Fetch a store's menu from its POS and keep it. A menu with faults is kept out; the last good one stays.

    For example:

        heard menus pull ven_01kdvp1e000000000000000000

    Parameters
    ----------
    venue
        The store's venue_id (ven_...).
    json
        Print one JSON document.

    """
    run(_pull(VenueId(venue), json))


async def _pull(venue_id: VenueId, json: bool) -> None:
    async with house() as opened:
        store = await opened.hub.store(venue_id)
        if store is None:
            raise fail(f"there is no store {venue_id!r}; see `heard stores list`")
        try:
            kept = await pull_menu(opened.hub, opened.outbound, store)
        except MenuUnavailable as error:
            raise fail(str(error)) from None
        except Refused as refused:
            raise fail(f"the POS's menu cannot be read: {refused.detail}") from None
        except MenuRefused as refused:
            for fault in refused.errors:
                console.print(f"{fault.path}: {fault.message}", soft_wrap=True)
            raise fail(f"the menu is not taken over: {len(refused.errors)} faults") from None
    if json:
        print_json(
            {
                "venue_id": venue_id,
                "version": kept.version,
                "products": kept.product_count,
                "changed": kept.changed,
                "unknown_states": list(kept.unknown_states),
            }
        )
        return
    console.print(f"{kept.product_count} products, version {kept.version}" + ("" if kept.changed else " (unchanged)"))
    for path in kept.unknown_states:
        console.print(f"{path}: an unknown state, taken as unavailable")
