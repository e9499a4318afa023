"""An order as the adapter gets it: in its own ids, and with all that came."""

import copy
from collections.abc import Iterator, Mapping

from heard.domain.pos import PosOrder
from heard.pos.adapter import Location, Order


def order_of(order: PosOrder, sent: Mapping[str, object], location: Location) -> Order:
    """An order as the adapter gets it."""
    details = sent.get("order_details")
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
        sent=SentDetails(details if isinstance(details, dict) else {}),
    )


class SentDetails(Mapping[str, object]):
    """The order_details as they came. The adapter may do what it likes with what it takes out: the echo stays."""

    def __init__(self, details: dict[str, object]) -> None:
        self._details = details

    def __getitem__(self, name: str) -> object:
        return copy.deepcopy(self._details[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._details)

    def __len__(self) -> int:
        return len(self._details)

    def __repr__(self) -> str:
        return f"SentDetails({', '.join(self._details)})"  # names only: guests' data stays out of logs
