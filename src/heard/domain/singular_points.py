"""Where at a store an order is placed to: a counter, a table, a kitchen's door, each with the ways it is ordered there.

Source: the Ordering API's documentation places each order to one of them; that an operator names them is ours.
"""

from dataclasses import dataclass

from heard.domain.ids import OrganizationId, SingularPointId, VenueId
from heard.domain.order_types import OrderType


@dataclass(frozen=True, slots=True)
class SingularPoint:
    organization_id: OrganizationId
    singular_point_id: SingularPointId
    venue_id: VenueId
    name: str
    order_types: tuple[OrderType, ...]
