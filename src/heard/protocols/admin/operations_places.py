"""The admin API's calls about where and when a store is ordered from, and its taxes; operations.py lists them."""

from typing import Final

from heard.protocols.admin import wire, wire_places
from heard.protocols.admin.operation import ID, PAGE, STORES, Operation
from heard.protocols.openapi import Query

POINTS: Final = "/admin/v1/points"

SET_HOURS: Final = Operation(
    name="set_hours",
    method="POST",
    path=f"{STORES}/{{venue_id}}/hours",
    summary="Say when a store is open; without serving times it always is",
    scope="stores",
    request=wire_places.SetHours,
    response=wire.StoreView,
)

SET_TAXES: Final = Operation(
    name="set_taxes",
    method="POST",
    path="/admin/v1/taxes",
    summary="Change how the taxes of an organization are rounded, at all its stores",
    scope="stores",
    request=wire_places.SetTaxes,
    response=wire_places.TaxesSet,
)

LIST_POINTS: Final = Operation(
    name="list_points",
    method="GET",
    path=POINTS,
    summary="Singular points: where at a store orders of the Ordering API are placed to, and which",
    scope="read",
    response=wire_places.PointPage,
    queries=(Query("venue_id", "Only this store's", schema=ID), *PAGE),
)

ADD_POINT: Final = Operation(
    name="add_point",
    method="POST",
    path=f"{STORES}/{{venue_id}}/points",
    summary="Add a singular point to a store",
    scope="stores",
    request=wire_places.NewPoint,
    response=wire_places.PointView,
    success=(201,),
)

REMOVE_POINT: Final = Operation(
    name="remove_point",
    method="POST",
    path=f"{POINTS}/{{singular_point_id}}/remove",
    summary="Take no more orders at a singular point; those under way go on",
    scope="stores",
    response=wire_places.PointRemoved,
)
