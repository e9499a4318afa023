"""The admin API's bodies about where and when a store is ordered from, and how its taxes are counted."""

from typing import Annotated

import msgspec

from heard import limits
from heard.protocols.bodies import Id, Word

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.TEXT_MAX)]
Clock = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{2}:[0-9]{2}$(?!\n)")]


class ServingTime(msgspec.Struct, kw_only=True, frozen=True):
    """From when to when a store is open on some days (mon to sun), by its own clock: 08:30. One that ends no later than
    it begins ends on the next day.
    """

    days: Annotated[list[Word], msgspec.Meta(min_length=1, max_length=7)]
    opens: Clock = msgspec.field(name="from")
    closes: Clock = msgspec.field(name="to")


class SetHours(msgspec.Struct, kw_only=True, frozen=True):
    """POST /admin/v1/stores/{venue_id}/hours: all serving times there are from now on; none: always open."""

    serving_times: Annotated[list[ServingTime], msgspec.Meta(max_length=limits.SERVING_TIMES_MAX)]


class Taxes(msgspec.Struct, kw_only=True, frozen=True):
    """How an organization's taxes are rounded: where half a cent goes (half_up, half_even), and whether each line's tax
    is rounded or the whole order's (line, order).
    """

    rounding: str
    per: str


class SetTaxes(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/taxes; what is left out stays as it is. A key sets those of its own organization."""

    rounding: Word | None = None
    per: Word | None = None
    organization_id: Id | None = None


class TaxesSet(msgspec.Struct, kw_only=True, frozen=True):
    organization_id: str
    taxes: Taxes


class NewPoint(msgspec.Struct, kw_only=True, frozen=True):
    """POST /admin/v1/stores/{venue_id}/points."""

    name: Name
    order_types: Annotated[list[Word], msgspec.Meta(min_length=1, max_length=20)]


class PointView(msgspec.Struct, kw_only=True, frozen=True):
    """Where at a store orders are placed to; `uuid` is its id as the Ordering API writes it."""

    singular_point_id: str
    uuid: str
    organization_id: str
    venue_id: str
    name: str
    order_types: list[str]


class PointPage(msgspec.Struct, kw_only=True, frozen=True):
    points: list[PointView]
    next: str | None


class PointRemoved(msgspec.Struct, kw_only=True, frozen=True):
    """Orders that were placed to it go on."""

    singular_point_id: str
    removed: bool
