"""How an order is placed and handed over, as the Ordering API counts it.

Source: the Ordering API's documentation names 1, 4, 6, 7 and 9; it has a 5 and an 8 that it does not name.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from heard.domain.order.content import FulfillmentType


class OrderType(IntEnum):
    """The documented order types, by their number on the wire."""

    TABLE_SERVICE = 1
    DINE_IN_PICKUP = 4
    TAKEOUT = 6
    DELIVERY = 7
    FOODSPOT = 9

    @property
    def asap_only(self) -> bool:
        """Whoever sits at a table orders for now."""
        return self is OrderType.TABLE_SERVICE

    @property
    def fulfillment(self) -> FulfillmentType:
        """How the POS is told of it."""
        return _FULFILLMENT[self]

    @property
    def word(self) -> str:
        """Its name for people and for commands: `takeout`."""
        return self.name.lower().replace("_", "-")


# Our reading: a foodspot is brought to where the guests are, so that for the POS it is a delivery.
_FULFILLMENT: Mapping[OrderType, FulfillmentType] = MappingProxyType(
    {
        OrderType.TABLE_SERVICE: FulfillmentType.DINE_IN,
        OrderType.DINE_IN_PICKUP: FulfillmentType.DINE_IN,
        OrderType.TAKEOUT: FulfillmentType.PICKUP,
        OrderType.DELIVERY: FulfillmentType.DELIVERY,
        OrderType.FOODSPOT: FulfillmentType.DELIVERY,
    }
)
