"""The list of orders, the newest first: by state, store, channel and number."""

from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.console.cards import STATES, attention_words, short_number
from heard.console.gate import Gate, Visit, show
from heard.console.house import House
from heard.domain.order.model import Status
from heard.domain.refusals import Refused
from heard.engine import oversee
from heard.protocols.admin import operations, wire, wire_orders

_ROWS = 50
_OPEN = "open"


def routes(house: House, gate: Gate) -> list[Route]:
    """The list."""

    async def page(visit: Visit) -> Response:
        asked = {name: text.strip() for name, text in visit.query.items() if text.strip()}
        state = _OPEN if asked.get("open") == "true" else asked.get("status", "")
        query, wrong, choices = await filters(visit, asked, state)
        found = wire.OrderPage(orders=[], next=None)
        if wrong is None and not choices:
            try:
                found = await house.office.call(visit.visitor, operations.LIST_ORDERS, query=query)
            except Refused as refused:
                wrong = refused.detail
        names = await oversee.names_of(house.hub, [_keys(one) for one in found.orders])
        filtered = {name: text for name, text in asked.items() if name != "after"}
        return show(
            visit,
            "orders.html",
            rows=[_row(one, *names[_keys(one)]) for one in found.orders],
            asked=asked,
            state=state,
            states=STATES,
            channels=await channels(visit),
            wrong=wrong,
            choices=[(one.name, urlencode({**filtered, "store": one.id})) for one in choices],
            newest=urlencode(filtered) if "after" in asked else None,
            older=urlencode({**filtered, "after": found.next}) if found.next else None,
            filtered=bool(filtered),
        )

    async def filters(
        visit: Visit, asked: dict[str, str], state: str
    ) -> tuple[dict[str, str], str | None, list[wire_orders.Found]]:
        """The query of the call; what is wrong with what was asked, or the stores of which one is to be chosen."""
        query = {"limit": str(_ROWS)}
        if state == _OPEN:
            query["open"] = "true"
        elif state:
            query["status"] = state
        for name, parameter in (("attention", "attention"), ("channel", "marketplace_id"), ("after", "after")):
            if name in asked:
                query[parameter] = asked[name]
        if "number" in asked:
            query["external_order_id"] = asked["number"]
        store = asked.get("store", asked.get("venue_id"))
        if store is None:
            return query, None, []
        hits = await stores(visit, store[: limits.SEARCH_TEXT_MAX])
        exact = [one for one in hits if store in (one.id, one.name)]
        if len(exact) != 1 and len(hits) != 1:
            return query, None if hits else "No store is called so, or has such an id.", hits
        query["venue_id"] = (exact or hits)[0].id
        return query, None, []

    async def stores(visit: Visit, text: str) -> list[wire_orders.Found]:
        result = await house.office.call(visit.visitor, operations.SEARCH, query={"q": text})
        return [one for one in result.found if one.kind == "store"]

    async def channels(visit: Visit) -> list[tuple[str, str]]:
        """What the list can be narrowed to."""
        query = {"limit": str(limits.PAGE_MAX)}
        speaking_link = await house.office.call(visit.visitor, operations.LIST_MARKETPLACES, query=query)
        others = await house.office.call(visit.visitor, operations.LIST_APPLICATIONS, query=query)
        named = [(one.marketplace_id, one.name) for one in speaking_link.marketplaces]
        return sorted(
            [*named, *((one.application_id, one.name) for one in others.applications)], key=lambda one: one[1]
        )

    return [gate.page("/console/orders", page)]


def _keys(order: wire.OrderView) -> tuple[str, str, str]:
    return order.organization_id, order.venue_id, order.marketplace_id


def _row(order: wire.OrderView, store: str, channel: str) -> dict[str, Any]:
    return {
        "order": order,
        "number": short_number(order.external_order_id),
        "shape": STATES[Status(order.status)],
        "matter": attention_words(order),
        "store": store,
        "channel": channel,
    }
