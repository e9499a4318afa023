"""The Ordering API's requests exactly as they stand on the wire: snake_case, amounts in whole cents, ids as UUIDs.

Members that a body may carry beyond these are ignored; what may be left out may be null, too. Answers: wire_answers.py.
"""

from typing import Annotated

import msgspec

from heard import limits
from heard.domain.money import MAX_CENTS
from heard.protocols.bodies import Id, Word

Text = Annotated[str, msgspec.Meta(max_length=limits.TEXT_MAX)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=MAX_CENTS)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=limits.CART_QUANTITY_MAX)]


class TokenForm(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """The form of POST /api/oauth/tokens, for OpenAPI; tokens.py reads it. Client id and secret are in Basic."""

    grant_type: str
    scope: str = ""


class DeliveryInfo(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Where an order is brought to. The members are ours: the documentation names none."""

    address: Text | None = None
    comment: Text | None = None


class OrderTypeChosen(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """How an order is handed over. `pickup_at`: YYYY-MM-DD HH:mm:ss in the venue's local time, or with an offset."""

    id: int
    pickup_asap: bool | None = None
    pickup_at: Word | None = None
    delivery_info: DeliveryInfo | None = None


class Modifier(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A choice. Without a price level of its own it costs what it does at its item's."""

    id: Id
    quantity: Quantity = 1
    price_level_id: Id | None = None
    modifiers: list["Modifier"] | None = None


class MenuItem(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: Id
    quantity: Quantity
    price_level_id: Id | None = None
    modifiers: list[Modifier] | None = None
    comment: Text | None = None


class ComboMeal(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A combo with what was chosen for its parts."""

    id: Id
    quantity: Quantity
    price_level_id: Id | None = None
    menu_items: list[MenuItem] | None = None
    modifiers: list[Modifier] | None = None
    comment: Text | None = None


class Discount(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """An external discount. One of the two says where it comes from; both may, if they agree."""

    discount_amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_CENTS)]
    origin_type: Word | None = None
    origin: Word | None = None


class DiscountCard(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A card of an integrated loyalty provider, which the hub has none of."""

    id: Id | None = None


class Tip(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    amount: Amount


class Calculate(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /api/orders/calculate."""

    singular_point_id: Id
    order_type: OrderTypeChosen
    menu_items: Annotated[list[MenuItem], msgspec.Meta(max_length=limits.ORDER_LINES_MAX)] | None = None
    combo_meals: Annotated[list[ComboMeal], msgspec.Meta(max_length=limits.ORDER_LINES_MAX)] | None = None
    discounts: list[Discount] | None = None
    discount_cards: list[DiscountCard] | None = None
    tip: Amount | Tip | None = None
    calculate_accurate_tax: bool | None = None
    notes: Text | None = None


class CustomerInfo(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    phone_number: Text | None = None

    def __repr__(self) -> str:
        return "CustomerInfo()"  # whoever reads a log learns nothing of a guest


class PaymentInfo(msgspec.Struct, kw_only=True, frozen=True):
    payment_init_hash: Id

    def __repr__(self) -> str:
        return "PaymentInfo()"  # who has the hash can order with the payment


class NewOrder(Calculate, kw_only=True, omit_defaults=True, frozen=True):
    """POST /api/orders: a cart as it was calculated, who orders it, and what pays for it."""

    payment_info: PaymentInfo
    customer_info: CustomerInfo | None = None
    is_reorder: bool | None = None


class InitializePayment(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /api/payments/initialize. An order that a discount makes free has a payment too: of 0."""

    singular_point_id: Id
    amount: Amount
    currency: Word
    payment_method: Id | None = None

    def __repr__(self) -> str:
        return f"InitializePayment(amount={self.amount}, currency={self.currency!r})"


class NewWebhook(msgspec.Struct, kw_only=True, frozen=True):
    """POST /api/webhooks."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.ENDPOINT_URL_MAX)]
