"""The admin API's bodies exactly as they stand on the wire: snake_case, amounts in cents, times ISO 8601 in UTC.

Members that a body may carry beyond these are ignored. A page's `next` is null when there is no more. What is about
webhooks is in wire_webhooks.py.
"""

from typing import Annotated

import msgspec

from heard import limits
from heard.domain.money import MAX_CENTS
from heard.protocols.admin.wire_places import ServingTime, Taxes
from heard.protocols.bodies import Id, Note, Reason, Word

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.TEXT_MAX)]
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.TEXT_MAX, extra_json_schema={"format": "uri"})]
Hours = Annotated[int, msgspec.Meta(ge=0, le=limits.OLD_SECRET_HOURS_MAX)]
Version = Annotated[int, msgspec.Meta(ge=1)]
Minutes = Annotated[int, msgspec.Meta(ge=0, le=limits.PREP_TIME_MIN_MAX)]


class OrderView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """An order as operators see it: in the hub's own words, with what a person must look at."""

    order_id: str
    organization_id: str
    venue_id: str
    marketplace_id: str
    external_order_id: str
    status: str
    ticket: str
    total: int
    currency: str
    version: int
    received_at: str
    accept_by: str
    parked: bool
    pos_order_id: str | None = None
    pos_total: int | None = None
    requested_at: str | None = None
    ready_at: str | None = None
    cancel_wanted: str | None = None
    cancelled_by: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    attention: str | None = None
    payment: str | None = None
    payment_ref: str | None = None


class OrderPage(msgspec.Struct, kw_only=True, frozen=True):
    orders: list[OrderView]
    next: str | None


class HistoryLine(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A step that was taken, or a late or repeated message (`changed` false)."""

    at: str
    step: str
    after: str
    by: str
    changed: bool
    before: str | None = None
    note: str | None = None


class Exchange(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A call about the order. Without a `status`, no answer came: `error` says why.

    `request` and `answer` are what was said, as far as it is kept, with names, numbers, addresses, notes and secrets
    masked: JSON with a member a line, or what came instead. `request_made_again`: what was sent is not kept, and was
    put together anew from the order as it is stored. `answer_cut`: there was more. `verdict`, on the signature of what
    the POS said: good, bad with the rule that failed, or none where nothing is signed. `request_id`: of a call that
    came in, as it stands in the hub's log. `event_id`, `endpoint_id`: it is an
    attempt to deliver that event there.
    """

    at: str
    direction: str
    peer: str
    method: str
    path: str
    ms: float
    status: int | None = None
    error: str | None = None
    exchange_id: str | None = None
    endpoint_id: str | None = None
    verdict: str | None = None
    request: str | None = None
    request_made_again: bool = False
    answer: str | None = None
    answer_cut: bool = False
    request_id: str | None = None
    event_id: str | None = None

    def __repr__(self) -> str:
        return f"Exchange({self.direction} {self.peer} {self.method} {self.path})"  # what was said is for the answer


class OrderedModifier(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    modifier_id: str
    name: str
    quantity: int
    unit_price: int
    modifiers: list["OrderedModifier"] = []


class OrderedItem(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    item_id: str
    name: str
    quantity: int
    unit_price: int
    notes: str | None = None
    modifiers: list[OrderedModifier] = []


class Guest(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    name: str | None = None
    phone: str | None = None
    email: str | None = None

    def __repr__(self) -> str:
        return "Guest(...)"  # a person's name and number are for the answer, not for a log


class Ordered(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What was ordered, in the channel's prices."""

    placed_at: str
    type: str
    payment: str
    guest: Guest
    items: list[OrderedItem]
    subtotal: int
    discount: int
    tax: int
    tip: int
    delivery_fee: int
    total: int
    notes: str | None = None


class AcceptOrder(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/orders/{order_id}/accept. `version`: only if the order has not changed since, here and below."""

    prep_time_min: Minutes | None = None
    ready_at: Word | None = None
    version: Version | None = None


class RejectOrder(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/orders/{order_id}/reject."""

    reason_code: Word
    reason: Note | None = None
    version: Version | None = None


class MoveEta(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/orders/{order_id}/eta: a time, or minutes from now."""

    ready_at: Word | None = None
    ahead_min: Annotated[int, msgspec.Meta(ge=1, le=limits.PREP_TIME_MIN_MAX)] | None = None
    version: Version | None = None


class ResolveAttention(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/orders/{order_id}/resolve; `note` says how."""

    note: Reason
    version: Version | None = None


class CancelOrder(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/orders/{order_id}/cancel."""

    reason_code: Word = "other"
    note: Note | None = None
    version: Version | None = None


class OrderCancelled(msgspec.Struct, kw_only=True, frozen=True):
    """`cancelling`: the POS has still to say what became of its ticket."""

    order: OrderView
    cancelling: bool


class StorePause(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Who keeps a store from taking orders: `hub`, `staff`, or a marketplace by its id. It has no end by itself, or
    `until`.
    """

    held_by: str
    reason: str
    since: str
    until: str | None = None


class Rules(msgspec.Struct, kw_only=True, frozen=True):
    """What holds for a store's orders and its menu. `sandbox`: it is for trying out, and takes edited orders."""

    price_check: str
    accept_within_s: int
    prep_time_min: int
    validate_first: bool
    total_tolerance: int
    menu_every_min: int
    prices_include_tax: bool
    sandbox: bool


class StoreView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A store; it is `open` when nobody holds a pause, and serves at any hour without `serving_times`. `items_off`: how
    many items are off its menu now. `pos`: none (staff accept by hand), gone (it is looked for), failing (its last call
    did), or well.
    """

    venue_id: str
    organization_id: str
    location_id: str
    name: str
    currency: str
    timezone: str
    connector: str
    open: bool
    pauses: list[StorePause]
    marketplaces: list[str]
    rules: Rules
    serving_times: list[ServingTime]
    taxes: Taxes
    menu_published: bool
    menu_version: str | None = None
    menu_products: int | None = None
    menu_fetched_at: str | None = None
    items_off: int
    pos: str
    pos_failures: int
    pos_url: str | None = None
    amounts: str | None = None
    signature: str | None = None
    pos_gone_since: str | None = None
    pos_next_probe_at: str | None = None
    pos_last_answer_at: str | None = None
    pos_last_fault: str | None = None
    pos_last_fault_at: str | None = None


class StoreConnection(msgspec.Struct, kw_only=True, frozen=True):
    """POST /admin/v1/stores/{venue_id}/connect and /disconnect; a marketplace's name or id."""

    marketplace: Text


class SetRules(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/stores/{venue_id}/rules; what is left out stays as it is."""

    price_check: Word | None = None
    accept_within_s: Annotated[int, msgspec.Meta(ge=10, le=86_400)] | None = None
    prep_time_min: Minutes | None = None
    validate_first: bool | None = None
    total_tolerance: Annotated[int, msgspec.Meta(ge=0, le=MAX_CENTS)] | None = None
    menu_every_min: Annotated[int, msgspec.Meta(ge=1, le=1_440)] | None = None
    prices_include_tax: bool | None = None
    sandbox: bool | None = None


class ConnectionState(msgspec.Struct, kw_only=True, frozen=True):
    """Whether a marketplace may send orders to a store. `new`: it was not so before."""

    venue_id: str
    marketplace_id: str
    marketplace: str
    connected: bool
    new: bool


class MenuPublished(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """`new`: it was not so before. Without a `version`, the store has no menu yet, or it is not published."""

    venue_id: str
    published: bool
    new: bool
    version: str | None = None


class StorePage(msgspec.Struct, kw_only=True, frozen=True):
    stores: list[StoreView]
    next: str | None


class PosHealth(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """How the POS of a store is, in the words of a store; `failures` since its last answer."""

    venue_id: str
    name: str
    pos: str
    failures: int
    gone_since: str | None = None
    next_probe_at: str | None = None
    last_answer_at: str | None = None
    last_fault: str | None = None
    last_fault_at: str | None = None


class PosHealthPage(msgspec.Struct, kw_only=True, frozen=True):
    stores: list[PosHealth]
    next: str | None


class MenuVersion(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A version of a store's menu; `changes` counts what was different from the one before, by kind."""

    version: str
    current: bool
    product_count: int
    changes: dict[str, int]
    kept_at: str
    fetched_at: str


class MenuPage(msgspec.Struct, kw_only=True, frozen=True):
    versions: list[MenuVersion]
    next: str | None


class MarketplaceView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A marketplace; its secrets are never shown again. `old_secret_until`: so long the secret before is good too."""

    marketplace_id: str
    organization_id: str
    name: str
    scopes: list[str]
    enabled: bool
    stores: int
    webhook_urls: list[str]
    disabled_at: str | None = None
    old_secret_until: str | None = None


class MarketplacePage(msgspec.Struct, kw_only=True, frozen=True):
    marketplaces: list[MarketplaceView]
    next: str | None


class NewMarketplace(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/marketplaces. A key adds them to its own organization, which need not be named."""

    name: Text
    webhook_url: Url
    organization_id: Id | None = None


class MarketplaceAdded(msgspec.Struct, kw_only=True, frozen=True):
    """What a marketplace needs to begin, shown this once."""

    marketplace_id: str
    organization_id: str
    name: str
    client_id: str
    client_secret: str
    webhook_secret: str

    def __repr__(self) -> str:
        return f"MarketplaceAdded(marketplace_id={self.marketplace_id!r})"  # never the secrets


class ApplicationView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """An application of the Ordering API. Its key is public: every call names it. Its secrets are not shown again."""

    application_id: str
    organization_id: str
    name: str
    application_key: str
    scopes: list[str]
    enabled: bool
    stores: int
    webhook_urls: list[str]
    disabled_at: str | None = None
    old_secret_until: str | None = None


class ApplicationPage(msgspec.Struct, kw_only=True, frozen=True):
    applications: list[ApplicationView]
    next: str | None


class NewApplication(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/applications. A key adds them to its own organization, which need not be named."""

    name: Text
    organization_id: Id | None = None


class ApplicationAdded(msgspec.Struct, kw_only=True, frozen=True):
    """What an application needs to begin; the secret is shown this once."""

    application_id: str
    organization_id: str
    name: str
    application_key: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"ApplicationAdded(application_id={self.application_id!r})"  # never the secret


class PaymentProvider(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Who holds the guests' money of an organization; without a `provider`, no payment begins. No secret is shown."""

    organization_id: str
    has_secret: bool
    provider: str | None = None
    url: str | None = None


class SetProvider(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/payments. `provider`: test, stripe or none. `secret` and `url` are for stripe alone."""

    provider: Word
    secret: Text | None = None
    url: Url | None = None
    organization_id: Id | None = None

    def __repr__(self) -> str:
        return f"SetProvider(provider={self.provider!r})"  # never the secret


class RotateSecret(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST .../rotate-secret, of a channel or of a webhook endpoint: how long the secret before is good too."""

    keep_old_hours: Hours = 24


class SecretRotated(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """The new secret, shown this once."""

    marketplace_id: str
    name: str
    client_id: str
    client_secret: str
    old_secret_until: str | None = None

    def __repr__(self) -> str:
        return f"SecretRotated(marketplace_id={self.marketplace_id!r})"  # never the secret


class TokensRevoked(msgspec.Struct, kw_only=True, frozen=True):
    marketplace_id: str
    name: str
    revoked: int


class ClientState(msgspec.Struct, kw_only=True, frozen=True):
    """`new`: it was not so before."""

    marketplace_id: str
    name: str
    enabled: bool
    new: bool


class Scopes(msgspec.Struct, kw_only=True, frozen=True):
    """POST .../scopes, of a marketplace or of an application."""

    scopes: Annotated[list[Word], msgspec.Meta(min_length=1, max_length=20)]


class ClientScopes(msgspec.Struct, kw_only=True, frozen=True):
    marketplace_id: str
    name: str
    scopes: list[str]
