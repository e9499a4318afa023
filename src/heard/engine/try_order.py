"""Trying out: a recorded order, as a developer edited it, goes to a store that is there for that, and to no other.

It takes the road of any order of a marketplace (accept_order.py): what becomes of it is what would become of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from heard import limits
from heard.domain.channels import ChannelKind, kind_of
from heard.domain.ids import ExternalOrderId, OrderId, OrganizationId
from heard.domain.order.model import Order
from heard.domain.refusals import Refused
from heard.domain.stores import Store
from heard.engine.accept_order import Accepted, Way, accept_order
from heard.engine.act_on_order import unknown_order
from heard.engine.change_client import find_marketplace
from heard.engine.hub import Client, Hub
from heard.engine.retell import known_in
from heard.protocols.link.decode import decode_content
from heard.protocols.link.encode import encode_edited
from heard.protocols.masking import masked
from heard.protocols.strict_json import parse
from heard.storage import connections, orders
from heard.storage.connections import Sandbox
from heard.storage.exchanges import read_requested
from heard.storage.rows import OrderRef

_OTHER_KIND: Final = (
    "It came through the Ordering API: it hangs on its payment, and is priced by the hub. Only what a marketplace sent"
    " can be edited and sent again."
)
_TOO_LONG: Final = (
    f"It is longer than {limits.TRIED_BYTES_MAX // 1024} KiB, or no JSON any more once it is masked, and"
    " cannot be edited here. `heard orders try` sends a file of your own."
)
_NUMBER_LETTERS = 16  # of an id of ours, its chance
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Recorded:
    """An order, and its body as its channel sent it: masked, laid out, with a number that is free. `text` None: it
    cannot be edited, and `why_not` says why.
    """

    order: Order
    text: str | None = field(repr=False)
    why_not: str | None = None


async def recorded_order(hub: Hub, organization_id: OrganizationId | None, order_id: OrderId) -> Recorded:
    """An order to be edited; `organization_id`: whose they may see, None: all. Raises Refused(unknown_order)."""
    async with hub.connection() as connection:
        order = await orders.find(connection, order_id, organization_id)
        if order is None:
            raise unknown_order(order_id)
        if kind_of(order.marketplace_id) is ChannelKind.APPLICATION:
            return Recorded(order, None, _OTHER_KIND)
        ref = OrderRef(order.organization_id, order_id)
        content, _, _ = await orders.read_body(connection, ref)
        sent = await read_requested(connection, ref, limits.TRIED_BYTES_MAX)
    known = await known_in(hub, order, decode_content(content))
    shown = "" if sent.cut else masked(sent.raw, known, bytes_max=limits.TRIED_BYTES_MAX)
    text = _to_edit(shown, await _free_number(hub))
    return Recorded(order, text, _TOO_LONG if text is None else None)


async def sandboxes(hub: Hub, organization_id: OrganizationId) -> list[Sandbox]:
    """Where an organization's orders can be sent to be tried out, and as which marketplace."""
    async with hub.connection() as connection:
        return await connections.sandboxes(connection, organization_id)


async def try_order(hub: Hub, store: Store, marketplace: str, body: Mapping[str, Any], by: str | None) -> Accepted:
    """Send an edited body to a store as if a marketplace, by its name or id, had sent it for this store. Without an
    `external_order_id` it gets one that is free. `by`: whose doing it is; the order's history says so.

    Raises Refused: unknown_marketplace, order_conflict where the store is no sandbox, and what the marketplace itself
    would be refused with.
    """
    async with hub.connection() as connection:
        found = await find_marketplace(connection, store.organization_id, marketplace, ChannelKind.MARKETPLACE)
    client = Client(found.organization_id, found.marketplace_id, frozenset())
    raw = encode_edited(body, store.venue_id, await _free_number(hub))
    note = f"edited and sent to try it out, by {by or 'whoever runs the hub'}"
    return await accept_order(hub, client, raw, Way(f"/admin/v1/stores/{store.venue_id}/tries", note, to_sandbox=True))


async def _free_number(hub: Hub) -> ExternalOrderId:
    return ExternalOrderId(f"TRY-{hub.new_id('try', await hub.now())[-_NUMBER_LETTERS:].upper()}")


def _to_edit(shown: str, number: ExternalOrderId) -> str | None:
    """Without its store, which is chosen; None where what is shown is no JSON object."""
    try:
        body = parse(shown.encode())
    except Refused:
        return None
    if not isinstance(body, dict):
        return None
    edited = {name: value for name, value in {**body, "external_order_id": number}.items() if name != "venue_id"}
    return msgspec.json.format(_encoder.encode(edited), indent=2).decode()
