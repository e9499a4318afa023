"""An order as the adapter gets it: in its own ids, and with all that came."""

import copy
from collections.abc import Iterator, Mapping
from functools import cached_property

from heard.domain.pos import PosOrder
from heard.pos.adapter import Location, Order
from heard.protocols import strict_json


def order_of(order: PosOrder, raw: bytes, location: Location) -> Order:
    """An order as the adapter gets it. `raw`: the request's body."""
    return Order(
        location=location,
        request_uid=order.request_uid,
        online_order_id=order.online_order_id,
        order_type=order.order_type,
        items=order.items,
        totals=order.totals,
        customer=order.customer,
        requested_at=order.requested_at,
        notes=order.notes,
        payments=order.payments,
        sent=SentDetails(raw),
    )


class SentDetails(Mapping[str, object]):
    """The order_details as they came, read where the adapter asks. It may do what it likes with what it takes out."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    @cached_property
    def _details(self) -> dict[str, object]:
        body = strict_json.parse(self._raw)
        details = body.get("order_details") if isinstance(body, dict) else None
        return details if isinstance(details, dict) else {}

    def __getitem__(self, name: str) -> object:
        return copy.deepcopy(self._details[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._details)

    def __len__(self) -> int:
        return len(self._details)

    def __repr__(self) -> str:
        return f"SentDetails({', '.join(self._details)})"  # names only: guests' data stays out of logs
