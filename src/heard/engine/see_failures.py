"""What failed and why, for whoever mends it: all causes of an organization, and the orders or deliveries of one.

A look is a moment's. What is done about it says what was seen, and does nothing where that has changed meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime

from heard import limits
from heard.domain.ids import OrganizationId
from heard.domain.order.by_hand import Action, allowed_actions
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Hub
from heard.storage import failures
from heard.storage.failures import Cause, FailedDelivery, FailedOrder, Group, Kind


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what failed for a cause, the newest first. `more`: there are others behind it."""

    group: Group | None
    orders: tuple[FailedOrder, ...]
    deliveries: tuple[FailedDelivery, ...]
    more: bool
    now: datetime

    def orders_that_may(self, action: Action) -> tuple[FailedOrder, ...]:
        """Those of which it may be asked, as they stand."""
        return tuple(one for one in self.orders if action in allowed_actions(one.order, self.now))


async def all_causes(hub: Hub, organization_id: OrganizationId | None) -> dict[Kind, list[Group]]:
    """What failed, by kind; the cause with the newest failure first."""
    async with hub.connection() as connection:
        return {kind: await failures.groups(connection, organization_id, kind) for kind in Kind}


async def one_cause(
    hub: Hub, organization_id: OrganizationId | None, cause: Cause, count: int = limits.FAILURES_PAGE, skip: int = 0
) -> Page:
    """A cause with some of what failed for it. A cause that is no more has no group, and nothing failed for it.

    Raises Refused(not_found) for a page that is too far off.
    """
    if not 0 <= skip <= limits.FAILURES_PAGE * limits.FAILURES_PAGES_MAX:
        raise Refused(Code.NOT_FOUND, "There is no such page.")
    now = await hub.now()
    async with hub.connection() as connection:
        known = await failures.groups(connection, organization_id, cause.kind)
        orders: list[FailedOrder] = []
        events: list[FailedDelivery] = []
        if cause.kind in (Kind.ATTENTION, Kind.ENDED):
            orders = await failures.orders_of(connection, organization_id, cause, count + 1, skip)
        elif cause.kind is Kind.DELIVERY:
            events = await failures.deliveries_of(connection, organization_id, cause, count + 1, skip)
    group = next((one for one in known if one.cause == cause), None)
    more = max(len(orders), len(events)) > count
    return Page(group, tuple(orders[:count]), tuple(events[:count]), more, now)
