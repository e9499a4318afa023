"""posnext's bodies exactly as on the wire. Nothing past decode and encode knows these; our words are domain/pos.py.

Unknown members are ignored, and null counts as absent. Bounds are in limits.py.
"""

from decimal import Decimal
from typing import Annotated

import msgspec

from heard import limits

Amount = int | Decimal
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.ID_MAX)]
# Our reading: an id that is signed holds no pipe, since `a|b` and `c` would sign like `a` and `b|c`; nor controls,
# since it stands in paths and logs. (Python's `$` alone would let a last line end pass.)
SignedId = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.ID_MAX, pattern=r"^[^|\x00-\x1f\x7f]+$(?!\n)")]
Text = Annotated[str, msgspec.Meta(max_length=limits.TEXT_MAX)]
Url = Annotated[str, msgspec.Meta(max_length=limits.TEXT_MAX, pattern=r"^https?://[^\s]+$")]
Word = Annotated[str, msgspec.Meta(max_length=limits.ID_MAX)]  # of a small vocabulary, read in status.py
Time = Annotated[str, msgspec.Meta(max_length=40)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=limits.QUANTITY_MAX)]
Choices = Annotated[int, msgspec.Meta(ge=0, le=limits.QUANTITY_MAX)]


# --- orders -----------------------------------------------------------------------------------------------


class Item(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: Id
    name: Text
    item_type: Word
    quantity: Quantity
    price: Amount
    notes: Text | None = None
    menu_items: list["Item"] | None = None


class Customer(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    name: Text | None = None
    phone: Text | None = None
    email: Text | None = None


class Payment(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    type: Word
    amount: Amount
    reference: Text | None = None


class OrderDetails(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    online_order_id: SignedId | None = None
    order_type: Word
    requested_at: Time | None = None
    customer: Customer | None = None
    notes: Text | None = None
    menu_items: list[Item]
    subtotal: Amount
    discount_total: Amount | None = None
    tax: Amount | None = None
    tip: Amount | None = None
    fees: Amount | None = None
    grand_total: Amount | None = None
    total: Amount | None = None
    payments: Annotated[list[Payment], msgspec.Meta(max_length=limits.PAYMENTS_MAX)] | None = None


class OrderRequest(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    request_uid: SignedId
    request_datetime: Time
    request_type: Word
    organization_id: Id | None = None
    location_id: SignedId
    schedule_type: Word | None = None
    callback_url: Url | None = None
    ttl: Annotated[int, msgspec.Meta(ge=0, le=limits.TTL_S_MAX)] | None = None
    received_at: Time | None = None
    completed_at: Time | None = None
    order_details: OrderDetails


class CancelRequest(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    request_uid: SignedId
    request_datetime: Time
    request_type: Word
    organization_id: Id | None = None
    location_id: SignedId
    online_order_id: SignedId | None = None
    reason: Text | None = None


# --- answers ----------------------------------------------------------------------------------------------


class AnswerError(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    code: Text
    message: str | None = None  # a POS may put a whole stack trace here: cut in decode, no reason to refuse
    path: Text | None = None
    retryable: bool | None = None


class AnswerDetails(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    online_order_id: SignedId | None = None
    pos_order_id: Id | None = None
    menu_items: list[Item] | None = None
    subtotal: Amount | None = None
    discount_total: Amount | None = None
    tax: Amount | None = None
    tip: Amount | None = None
    fees: Amount | None = None
    grand_total: Amount | None = None
    total: Amount | None = None


class OrderAnswer(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    status: Word
    request_uid: SignedId
    request_datetime: Time
    organization_id: Id | None = None
    location_id: SignedId
    received_at: Time | None = None
    completed_at: Time | None = None
    estimated_ready_at: Time | None = None
    fulfillment_status: Word | None = None
    order_details: AnswerDetails | None = None
    errors: Annotated[list[AnswerError], msgspec.Meta(max_length=limits.POS_ERRORS_MAX)] | None = None


# --- menus ------------------------------------------------------------------------------------------------


class MenuRequest(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    organization_id: Id | None = None
    location_id: SignedId


class PriceRule(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    price_level_id: Id | None = None
    name: Text | None = None
    order_types: Annotated[list[Word], msgspec.Meta(max_length=limits.PRICE_RULES_MAX)] | None = None
    price: Amount


PriceRules = Annotated[list[PriceRule], msgspec.Meta(max_length=limits.PRICE_RULES_MAX)]


class Modifier(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: Id
    name: Text
    price: Amount | None = None
    prices: PriceRules | None = None
    state: Word | None = None
    modifier_groups: list["ModifierGroup"] | None = None


class ModifierGroup(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: Id
    name: Text
    min_selected: Choices | None = None
    max_selected: Choices | None = None
    modifiers: list[Modifier] | None = None


class Component(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    name: Text
    product_ids: list[Id]
    min_selected: Choices | None = None
    max_selected: Choices | None = None


class Product(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: Id
    name: Text
    price: Amount
    prices: PriceRules | None = None
    state: Word
    description: Text | None = None
    item_type: Word | None = None
    tax_category: Text | None = None
    categories: list[Text] | None = None
    image_url: Text | None = None
    modifier_groups: list[ModifierGroup] | None = None
    components: list[Component] | None = None


class Section(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: Id
    name: Text
    products: list[Product]


class TaxRate(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    name: Text
    rate: Text


TaxRates = Annotated[list[TaxRate], msgspec.Meta(max_length=limits.TAXES_MAX)]


class MenuDocument(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    location_id: SignedId
    currency: Word | None = None
    version: Text | None = None
    tax_rates: dict[Text, Text | TaxRates] | None = None
    menus: list[Section]
