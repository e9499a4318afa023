"""The Ordering API's answers as they stand on the wire: each in the envelope, amounts in whole cents, ids as UUIDs.

Shapes are as documented where the documentation has one; the rest is ours.
"""

import msgspec

# --- the envelope -----------------------------------------------------------------------------------------


class Answer(msgspec.Struct, kw_only=True, omit_defaults=False, frozen=True):
    """Around every good answer; each call's own has `data` besides."""

    status: str = "OK"
    code: int = 200


class FieldError(msgspec.Struct, kw_only=True, frozen=True):
    """One wrong place in a body, by its JSON path such as $.discounts[0].discount_amount."""

    path: str
    code: str
    message: str


class Fault(msgspec.Struct, kw_only=True, frozen=True):
    """`code` is stable, for programs; `retryable`: the same call may go better another time."""

    code: str
    message: str
    errors: list[FieldError]
    retryable: bool


class Refusal(msgspec.Struct, kw_only=True, frozen=True):
    """Around every answer that is not a good one."""

    status: str
    code: int
    error: Fault


# --- tokens -----------------------------------------------------------------------------------------------


class OAuthToken(msgspec.Struct, kw_only=True, frozen=True):
    access_token: str
    token_type: str
    scope: str
    expires_in: int

    def __repr__(self) -> str:
        return f"OAuthToken(expires_in={self.expires_in}, scope={self.scope!r})"  # never the token


class TokenData(msgspec.Struct, kw_only=True, frozen=True):
    oauth_token: OAuthToken


class TokenAnswer(Answer, kw_only=True, frozen=True):
    data: TokenData


# --- venues -----------------------------------------------------------------------------------------------


class VenueCurrency(msgspec.Struct, kw_only=True, frozen=True):
    code: str


class VenueTimezone(msgspec.Struct, kw_only=True, frozen=True):
    """`offset`: from UTC at this moment, such as -05:00."""

    name: str
    offset: str


class OrderTypeView(msgspec.Struct, kw_only=True, frozen=True):
    type_id: int
    name: str


class ServingTime(msgspec.Struct, kw_only=True, frozen=True):
    """Open on these days (mon to sun), in local time; past midnight where it ends no later than it begins."""

    days: list[str]
    time_from: str
    time_to: str


class SingularPoint(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    name: str


class Area(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Our reading: a venue has one area for each singular point, with the same id."""

    id: str
    name: str
    singular_point_id: str
    order_types: list[OrderTypeView]
    singular_points: list[SingularPoint] | None = None


class Venue(msgspec.Struct, kw_only=True, frozen=True):
    """`pickup_time`: minutes until an order is ready, usually. No serving times: always open."""

    id: str
    uuid: str
    name: str
    code: str
    currency: VenueCurrency
    timezone: VenueTimezone
    is_open: bool
    pickup_time: int
    order_types: list[OrderTypeView]
    serving_times: list[ServingTime]
    areas: list[Area]


class VenueData(msgspec.Struct, kw_only=True, frozen=True):
    venue: Venue


class VenueAnswer(Answer, kw_only=True, frozen=True):
    data: VenueData


# --- menus ------------------------------------------------------------------------------------------------


class PriceLevel(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    name: str
    price: int


class OrderTypePrice(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What is asked when it is ordered so. It goes before `price`; with a level, before the level's. Ours."""

    order_types: list[int]
    price_level_id: str | None = None
    price: int


class ModifierView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: str
    name: str
    price: int
    is_available: bool
    price_levels: list[PriceLevel] = []
    order_type_prices: list[OrderTypePrice] = []
    modifier_groups: list["ModifierGroupView"] = []


class ModifierGroupView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """So many of these are chosen; without `max_selected`, as many as one likes."""

    id: str
    name: str
    min_selected: int
    max_selected: int | None = None
    modifiers: list[ModifierView]


class ItemView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: str
    name: str
    price: int
    is_available: bool
    description: str | None = None
    image_url: str | None = None
    price_levels: list[PriceLevel] = []
    order_type_prices: list[OrderTypePrice] = []
    modifier_groups: list[ModifierGroupView] = []


class ComponentItem(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    name: str
    is_available: bool


class ComboComponent(msgspec.Struct, kw_only=True, frozen=True):
    """A part of a combo: so many of these items, at no price of their own."""

    name: str
    min_selected: int
    max_selected: int
    items: list[ComponentItem]


class ComboView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: str
    name: str
    price: int
    is_available: bool
    description: str | None = None
    image_url: str | None = None
    price_levels: list[PriceLevel] = []
    order_type_prices: list[OrderTypePrice] = []
    components: list[ComboComponent]
    modifier_groups: list[ModifierGroupView] = []


class CategoryView(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    name: str
    items: list[ItemView]
    combos: list[ComboView]


class MenuView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """One of a venue's menus. `categories` with view=withNestedEntities."""

    id: str
    name: str
    order_types: list[int]
    serving_times: list[ServingTime]
    categories: list[CategoryView] | None = None


class MenusData(msgspec.Struct, kw_only=True, frozen=True):
    menus: list[MenuView]


class MenusAnswer(Answer, kw_only=True, frozen=True):
    data: MenusData


class CategoriesData(msgspec.Struct, kw_only=True, frozen=True):
    categories: list[CategoryView]


class CategoriesAnswer(Answer, kw_only=True, frozen=True):
    data: CategoriesData


# --- calculations and orders ------------------------------------------------------------------------------


class TaxView(msgspec.Struct, kw_only=True, frozen=True):
    """`rate` in percent, exactly: 8.25. `base`: what it was computed on."""

    name: str
    rate: str
    base: int
    amount: int


class ComponentPrice(msgspec.Struct, kw_only=True, frozen=True):
    """A combo's part with its share of the combo's money. `quantity`: in each combo."""

    id: str
    name: str
    quantity: int
    subtotal: int
    discount: int
    taxable: int
    taxes: list[TaxView]
    total: int


class LinePrice(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A line: subtotal = quantity x (unit_price + modifiers), taxable = subtotal - discount."""

    id: str
    name: str
    quantity: int
    unit_price: int
    modifiers: int
    subtotal: int
    discount: int
    taxable: int
    taxes: list[TaxView]
    total: int
    components: list[ComponentPrice] = []


class PosDifference(msgspec.Struct, kw_only=True, frozen=True):
    """A number that the POS has otherwise: a line by its path in the request, or a total by its name."""

    place: str
    hub: int
    pos: int


class Calculation(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What a cart costs. Everything adds up exactly; `tax_is_estimate`: the POS was not asked. `pos_differences`: what
    the POS has otherwise, by no more than the store puts up with.
    """

    currency: str
    subtotal: int
    discount_total: int
    tax_total: int
    tip: int
    fees: int
    total: int
    tax_is_estimate: bool
    taxes: list[TaxView]
    lines: list[LinePrice]
    pos_differences: list[PosDifference] = []


class CalculationData(msgspec.Struct, kw_only=True, frozen=True):
    calculation: Calculation


class CalculationAnswer(Answer, kw_only=True, frozen=True):
    data: CalculationData


class OrderTypeAnswer(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """`pickup_at`: when it was asked for, ISO 8601 in UTC."""

    id: int
    pickup_asap: bool
    pickup_at: str | None = None


class OrderPayment(msgspec.Struct, kw_only=True, frozen=True):
    status: str
    amount: int
    currency: str


class OrderDiscount(msgspec.Struct, kw_only=True, frozen=True):
    discount_amount: int
    origin_type: str


class CustomerView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone_number: str | None = None

    def __repr__(self) -> str:
        return "CustomerView()"


class OrderView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """An order as its application reads it. `code`: five letters for the counter. `customer_info` with a token only."""

    id: str
    code: str
    status: str
    sequence: int
    venue_id: str
    singular_point_id: str
    order_type: OrderTypeAnswer
    currency: str
    subtotal: int
    discount_total: int
    tax_total: int
    tip: int
    fees: int
    total: int
    payment: OrderPayment
    discounts: list[OrderDiscount]
    created_at: str
    accept_by: str
    ready_at: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    lines: list[LinePrice] = []
    customer_info: CustomerView | None = None


class OrderData(msgspec.Struct, kw_only=True, frozen=True):
    order: OrderView


class OrderAnswer(Answer, kw_only=True, frozen=True):
    data: OrderData


class PaymentInit(msgspec.Struct, kw_only=True, frozen=True):
    """What pays for one order of this amount at this singular point, until it expires."""

    payment_init_hash: str
    singular_point_id: str
    amount: int
    currency: str
    expires_at: str

    def __repr__(self) -> str:
        return f"PaymentInit(amount={self.amount}, currency={self.currency!r})"


class PaymentData(msgspec.Struct, kw_only=True, frozen=True):
    payment: PaymentInit


class PaymentAnswer(Answer, kw_only=True, frozen=True):
    data: PaymentData


# --- webhooks ---------------------------------------------------------------------------------------------


class Webhook(msgspec.Struct, kw_only=True, frozen=True):
    """Where an application is told. `enabled` false: it failed for too long, or an operator turned it off."""

    id: str
    url: str
    enabled: bool
    created_at: str


class WebhookMade(msgspec.Struct, kw_only=True, frozen=True):
    """`secret` signs what is sent there, after Standard Webhooks; it is never shown again."""

    id: str
    url: str
    secret: str

    def __repr__(self) -> str:
        return f"WebhookMade(id={self.id!r})"  # never the secret


class WebhookGone(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    url: str


class WebhookMadeData(msgspec.Struct, kw_only=True, frozen=True):
    webhook: WebhookMade


class WebhookMadeAnswer(Answer, kw_only=True, frozen=True):
    data: WebhookMadeData


class WebhookGoneData(msgspec.Struct, kw_only=True, frozen=True):
    webhook: WebhookGone


class WebhookGoneAnswer(Answer, kw_only=True, frozen=True):
    data: WebhookGoneData


class WebhooksData(msgspec.Struct, kw_only=True, frozen=True):
    """A page; `next` is what to pass as `after` for the page that follows, null when there is none."""

    webhooks: list[Webhook]
    next: str | None


class WebhooksAnswer(Answer, kw_only=True, frozen=True):
    data: WebhooksData
