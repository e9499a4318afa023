"""A channel's order as the POS gets it: item types from the menu, the discount spread over the lines."""

from collections.abc import Sequence
from datetime import datetime

from heard.domain.ids import LocationId, OrganizationId, RequestUid
from heard.domain.menu.index import MenuIndex
from heard.domain.money import Cents, currency
from heard.domain.order.content import FulfillmentType, Line, LineModifier, OrderContent
from heard.domain.order.model import Order
from heard.domain.pos import (
    ItemType,
    PosItem,
    PosOrder,
    PosOrderType,
    PosPayment,
    PosTotals,
    RequestType,
)
from heard.domain.pricing.allocate import allocate

_ORDER_TYPES = {
    FulfillmentType.PICKUP: PosOrderType.PICKUP,
    FulfillmentType.DELIVERY: PosOrderType.DELIVERY,
    FulfillmentType.DINE_IN: PosOrderType.DINE_IN,
}


def pos_order(
    order: Order,
    content: OrderContent,
    menu: MenuIndex,
    *,
    request_type: RequestType,
    request_uid: RequestUid,
    request_datetime: datetime,
    location_id: LocationId,
    callback_url: str | None,
) -> PosOrder:
    """The same order, the same arguments: the same value, so that every retry sends the same bytes."""
    return PosOrder(
        request_uid=request_uid,
        request_type=request_type,
        request_datetime=request_datetime,
        organization_id=OrganizationId(order.organization_id),
        location_id=location_id,
        online_order_id=order.order_id,
        order_type=_ORDER_TYPES[content.fulfillment.type],
        items=_items(content, menu),
        totals=_totals(content),
        customer=content.customer,
        requested_at=content.fulfillment.requested_at,
        notes=content.notes,
        payments=(PosPayment(content.payment.value, content.totals.total, content.external_order_id),),
        callback_url=callback_url,
        ttl_s=max(1, int((order.accept_by - request_datetime).total_seconds())),
    )


def _items(content: OrderContent, menu: MenuIndex) -> tuple[PosItem, ...]:
    """With the shares that the order was priced with, so that the POS taxes what we do."""
    if content.discount_shares:
        return _with_shares(content.lines, content.discount_shares, menu)
    return pos_items(content.lines, content.totals.discount, menu, currency(content.currency).step)


def pos_items(lines: tuple[Line, ...], discount: Cents, menu: MenuIndex, step: int = 1) -> tuple[PosItem, ...]:
    """Main items with their children; a discount becomes one Discount child per line with that line's share.

    The shares are those of the order's own prices, to the currency's step. Source of the rule: the POS must tax what is
    left of each line. Needs discount <= the lines' sum.
    """
    return _with_shares(lines, allocate(discount, [line.subtotal for line in lines], step), menu)


def _with_shares(lines: Sequence[Line], shares: Sequence[Cents], menu: MenuIndex) -> tuple[PosItem, ...]:
    return tuple(_item(line, share, menu) for line, share in zip(lines, shares, strict=True))


def _item(line: Line, share: Cents, menu: MenuIndex) -> PosItem:
    children = tuple(_modifier(modifier) for modifier in line.modifiers)
    if share:
        children += (PosItem("discount", "Discount", ItemType.DISCOUNT, 1, share),)
    return PosItem(
        id=line.product_id,
        name=line.name,
        item_type=ItemType(menu.product_types[line.product_id]),
        quantity=line.quantity,
        price=line.unit_price,
        notes=line.notes,
        menu_items=children,
    )


def _modifier(modifier: LineModifier) -> PosItem:
    return PosItem(
        id=modifier.modifier_id,
        name=modifier.name,
        item_type=ItemType.MODIFIER,
        quantity=modifier.quantity,
        price=modifier.unit_price,
        menu_items=tuple(_modifier(below) for below in modifier.modifiers),
    )


def _totals(content: OrderContent) -> PosTotals:
    totals = content.totals
    return PosTotals(
        subtotal=totals.subtotal,
        discount_total=totals.discount,
        tax=totals.tax,
        tip=totals.tip,
        fees=totals.delivery_fee,
        grand_total=totals.total,
    )
