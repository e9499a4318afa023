"""The admin API's whole order, and what is found by any id, exactly as they stand on the wire; wire.py says how."""

from typing import Any

import msgspec

from heard.protocols.admin.wire import Exchange, HistoryLine, Ordered, OrderView, Text
from heard.protocols.admin.wire_webhooks import EventWay
from heard.protocols.bodies import PriceDifference


class OrderParties(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Who has to do with an order, by name, and what else it is called there: the uids of its requests to a POS, and the
    ids that the Ordering API knows it by. `channel_kind`: marketplace or application.
    """  # noqa: E501

    store: str
    location_id: str
    channel: str
    channel_kind: str
    submit_uid: str
    validate_uid: str
    uuid: str | None = None
    payment_id: str | None = None


class OrderEvent(msgspec.Struct, kw_only=True, frozen=True):
    """What the channel is told of the order, and how far that is at each endpoint."""

    event_id: str
    type: str
    sequence: int
    created_at: str
    deliveries: list[EventWay]


class PlannedTask(msgspec.Struct, kw_only=True, frozen=True):
    """What the hub does next by itself, not before `at`."""

    at: str
    task: str


class OrderDetail(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """`allowed`: what may be asked of the order as it stands now. `arithmetic`: how the hub came to the total, where it
    did: the members of docs/reference/carts.md, and `tax_is_estimate` (false: the tax is the POS's).
    """

    order: OrderView
    allowed: list[str]
    ordered: Ordered
    price_differences: list[PriceDifference]
    history: list[HistoryLine]
    exchanges: list[Exchange]
    parties: OrderParties
    events: list[OrderEvent]
    planned: list[PlannedTask]
    arithmetic: dict[str, Any] | None = None


class Found(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A thing that has the id, the number or the name that was looked for. `kind`: order, store, marketplace,
    application, endpoint, event or exchange; the last two are about an order or a store.
    """

    kind: str
    id: str
    organization_id: str
    by: str
    name: str | None = None
    order_id: str | None = None
    venue_id: str | None = None


class SearchResult(msgspec.Struct, kw_only=True, frozen=True):
    found: list[Found]


class TryOrder(msgspec.Struct, kw_only=True, frozen=True):
    """POST /admin/v1/stores/{venue_id}/tries: an order as the marketplace, named by its name or id, would send it to
    Link. Its `venue_id` is that of the path; without an `external_order_id` it gets one. The places in a refusal's
    `errors` are those of `body`, as the marketplace would be told them.
    """

    marketplace: Text
    body: dict[str, Any]

    def __repr__(self) -> str:
        return f"TryOrder(marketplace={self.marketplace!r})"  # a guest may stand in the body
