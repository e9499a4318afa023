"""The admin API's bodies about what is off a store's menu for a while."""

from typing import Annotated

import msgspec

from heard import limits
from heard.protocols.bodies import Id


class ItemOff(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A product or a modifier that is off the menu, by the id that the POS gave it. `name`: what it was called then;
    `by`: who took it off. Without `until`, it is off until it is put back.
    """

    item_id: str
    name: str
    by: str
    since: str
    until: str | None = None


class ItemsOffPage(msgspec.Struct, kw_only=True, frozen=True):
    items: list[ItemOff]
    next: str | None


class TakeOff(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/stores/{venue_id}/items/off. Without `minutes`, until it is put back."""

    item_id: Id
    minutes: Annotated[int, msgspec.Meta(ge=1, le=limits.ITEM_OFF_MINUTES_MAX)] | None = None


class ItemTakenOff(msgspec.Struct, kw_only=True, frozen=True):
    """`new`: it was not off before."""

    venue_id: str
    item: ItemOff
    new: bool


class PutBack(msgspec.Struct, kw_only=True, frozen=True):
    """POST /admin/v1/stores/{venue_id}/items/on."""

    item_id: Id


class ItemPutBack(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """`new`: it was off before; then it has its `name`, too."""

    venue_id: str
    item_id: str
    new: bool
    name: str | None = None
