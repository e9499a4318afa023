"""What an application asks, as the Ordering API's bytes. The same cart, the same bytes."""

from datetime import datetime
from typing import Any

import msgspec

from heard.clients.ordering.carts import Cart, Combo, Customer, Item, Modifier, whole_cents
from heard.protocols.ordering import wire
from heard.protocols.ordering.decode import NON_INTEGRATED

_encoder = msgspec.json.Encoder()


def calculate_body(cart: Cart, accurate_tax: bool) -> bytes:
    """POST /api/orders/calculate."""
    return _encoder.encode(wire.Calculate(**_cart(cart, accurate_tax)))


def order_body(cart: Cart, customer: Customer, payment_init_hash: str, accurate_tax: bool, is_reorder: bool) -> bytes:
    """POST /api/orders."""
    guest = wire.CustomerInfo(
        email=customer.email,
        first_name=customer.first_name,
        last_name=customer.last_name,
        phone_number=customer.phone_number,
    )
    paid = wire.PaymentInfo(payment_init_hash=payment_init_hash)
    return _encoder.encode(
        wire.NewOrder(
            payment_info=paid, customer_info=guest, is_reorder=is_reorder or None, **_cart(cart, accurate_tax)
        )
    )


def payment_body(singular_point_id: str, amount: int, currency: str, payment_method: str | None) -> bytes:
    """POST /api/payments/initialize. Raises ValueError for what is no amount."""
    body = wire.InitializePayment(
        singular_point_id=singular_point_id,
        amount=whole_cents("amount", amount, 1),
        currency=currency,
        payment_method=payment_method,
    )
    return _encoder.encode(body)


def webhook_body(url: str) -> bytes:
    """POST /api/webhooks."""
    return _encoder.encode(wire.NewWebhook(url=url))


def _cart(cart: Cart, accurate_tax: bool) -> dict[str, Any]:
    """The members that calculate and a new order share."""
    delivery = None
    if cart.delivery_address is not None or cart.delivery_comment is not None:
        delivery = wire.DeliveryInfo(address=cart.delivery_address, comment=cart.delivery_comment)
    return {
        "singular_point_id": cart.singular_point_id,
        "order_type": wire.OrderTypeChosen(
            id=int(cart.order_type),
            pickup_asap=cart.pickup_at is None,
            pickup_at=None if cart.pickup_at is None else _moment(cart.pickup_at),
            delivery_info=delivery,
        ),
        "menu_items": [_item(one) for one in cart.items] or None,
        "combo_meals": [_combo(one) for one in cart.combos] or None,
        "discounts": [wire.Discount(discount_amount=cart.discount, origin_type=NON_INTEGRATED)]
        if cart.discount
        else None,
        "tip": cart.tip or None,
        "calculate_accurate_tax": accurate_tax or None,
        "notes": cart.notes,
    }


def _item(one: Item) -> wire.MenuItem:
    return wire.MenuItem(
        id=one.id,
        quantity=one.quantity,
        price_level_id=one.price_level_id,
        modifiers=_modifiers(one.modifiers),
        comment=one.comment,
    )


def _combo(one: Combo) -> wire.ComboMeal:
    return wire.ComboMeal(
        id=one.id,
        quantity=one.quantity,
        price_level_id=one.price_level_id,
        menu_items=[_item(chosen) for chosen in one.items] or None,
        modifiers=_modifiers(one.modifiers),
        comment=one.comment,
    )


def _modifiers(found: tuple[Modifier, ...]) -> list[wire.Modifier] | None:
    return [
        wire.Modifier(
            id=one.id,
            quantity=one.quantity,
            price_level_id=one.price_level_id,
            modifiers=_modifiers(one.modifiers),
        )
        for one in found
    ] or None


def _moment(at: datetime) -> str:
    """YYYY-MM-DD HH:mm:ss, and the offset of one that has a zone."""
    return at.isoformat(sep=" ", timespec="seconds")
