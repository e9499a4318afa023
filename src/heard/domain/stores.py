"""A store: a restaurant that channels send orders to (as a venue) and whose POS gets them (as a location)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from heard.domain.hours import ServingTime
from heard.domain.ids import LocationId, OrganizationId, VenueId
from heard.domain.menu.off import ItemOff, version_shown
from heard.domain.money import Cents
from heard.domain.pricing.cart import PricingRules, Rounding, TaxPer


class Amounts(StrEnum):
    """How a POS connection writes order totals and prices: whole cents, or decimal major units."""

    MINOR = "minor"
    DECIMAL = "decimal"


class ConnectorKind(StrEnum):
    """Who takes a store's orders: its POS, or its staff by hand."""

    POSNEXT = "posnext"
    MANUAL = "manual"


class SignatureScheme(StrEnum):
    """DIGEST: the documented pipe-joined message. BODY: HMAC over the raw body, off by default."""

    DIGEST = "digest"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class PosConnection:
    """How to reach a store's POS. The SharedId never shows in a repr."""

    url: str
    shared_id: str = field(repr=False)
    amounts: Amounts = Amounts.MINOR
    signature: SignatureScheme = SignatureScheme.DIGEST


HELD_BY_HUB = "hub"  # who holds a pause: the hub itself, the staff, or a marketplace by its id


class StoreEvent(StrEnum):
    """What channels are told about a store they are connected to."""

    CONNECTED = "store_connected"
    DISCONNECTED = "store_disconnected"
    PAUSED = "store_paused"
    RESUMED = "store_resumed"
    MENU_PUBLISHED = "menu_published"
    MENU_UNPUBLISHED = "menu_unpublished"


@dataclass(frozen=True, slots=True)
class StoreNotice:
    """What there is to tell about a store. `by`: who paused it or lets it go on; `menu_version`: what was published."""

    kind: StoreEvent
    by: str | None = None
    reason: str | None = None
    until: datetime | None = None
    menu_version: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody keeps a store from taking orders. `until` None: until they lift it."""

    held_by: str
    reason: str
    since: datetime
    until: datetime | None = None

    @property
    def notice(self) -> StoreNotice:
        """What is told when it is the first to hold the store."""
        return StoreNotice(StoreEvent.PAUSED, self.held_by, self.reason, self.until)


class PriceCheck(StrEnum):
    """What becomes of an order whose prices are not the menu's. ACCEPT: it is taken, and the differences are shown."""

    ACCEPT = "accept"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class StoreRules:
    """What a store's operator may set about the life of its orders and its menu."""

    accept_within_s: int = 660  # wire.md: the store's acceptance time, 11 min
    prep_time_min: int = 15  # told to channels when the POS gives no estimate; a later order is released so early
    validate_first: bool = True
    total_tolerance: Cents = Cents(0)
    menu_every_min: int = 15  # minutes between two fetches of the menu
    price_check: PriceCheck = PriceCheck.REFUSE
    prices_include_tax: bool = False
    sandbox: bool = False  # for trying out: recorded orders may be edited and sent to it


@dataclass(frozen=True, slots=True)
class TaxRules:
    """How an organization counts its taxes, at all its stores."""

    rounding: Rounding = Rounding.HALF_UP
    per: TaxPer = TaxPer.LINE


@dataclass(frozen=True, slots=True)
class Store:
    organization_id: OrganizationId
    venue_id: VenueId
    location_id: LocationId
    name: str
    currency: str
    timezone: str
    pos: PosConnection | None
    rules: StoreRules = StoreRules()
    menu_version: str | None = None
    menu_published: bool = True  # channels may have it
    connector: ConnectorKind = ConnectorKind.POSNEXT
    serving_times: tuple[ServingTime, ...] = ()  # none: always open
    taxes: TaxRules = TaxRules()  # its organization's
    items_off: tuple[ItemOff, ...] = ()  # of its menu; each for as long as it says

    def __post_init__(self) -> None:
        assert (self.pos is None) == (self.connector is ConnectorKind.MANUAL)

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone; the library keeps what it has read."""
        return ZoneInfo(self.timezone)

    @property
    def pricing_rules(self) -> PricingRules:
        """How its carts are priced."""
        return PricingRules(self.taxes.rounding, self.taxes.per, self.rules.prices_include_tax)

    @property
    def line(self) -> PosConnection:
        """Its POS connection. A store that staff run by hand has none, and nothing may call its POS."""
        assert self.pos is not None, f"{self.venue_id} has no POS"
        return self.pos


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """How a store is for those who are connected to it. `menu_version` None: there is no menu, or none published.
    `off`: the ids of what is off it.
    """

    venue_id: VenueId
    name: str
    currency: str
    timezone: str
    prep_time_min: int
    pauses: tuple[Pause, ...]
    menu_version: str | None
    menu_kept_at: datetime | None
    off: frozenset[str] = frozenset()

    @property
    def menu_shown(self) -> str | None:
        """What those who are connected know its menu by."""
        return None if self.menu_version is None else version_shown(self.menu_version, self.off)

    @property
    def is_open(self) -> bool:
        return not self.pauses
