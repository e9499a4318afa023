"""Values with defaults for tests: an_order(status=...) says only what the test is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from heard.domain.ids import (
    ExternalOrderId,
    LocationId,
    MarketplaceId,
    ModifierId,
    OrderId,
    OrganizationId,
    ProductId,
    VenueId,
)
from heard.domain.menu.model import Availability, Menu, MenuSection, Modifier, ModifierGroup, Product
from heard.domain.money import Cents
from heard.domain.order.content import (
    Customer,
    Fulfillment,
    FulfillmentType,
    Line,
    LineModifier,
    OrderContent,
    PaymentMethod,
    Totals,
)
from heard.domain.order.decide import Moment
from heard.domain.order.model import Order
from heard.domain.stores import PosConnection, Store, StoreRules

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
ORGANIZATION = OrganizationId("acme")
LOCATION = LocationId("LOC-1")
VENUE = VenueId("ven_01kk0000000000000000000001")
MARKETPLACE = MarketplaceId("mkt_01kk0000000000000000000001")
SHARED_ID = "SharedSecret-123"


def a_moment(after_s: float = 0.0, chance: float = 0.5, **rules: Any) -> Moment:
    return Moment(NOW + timedelta(seconds=after_s), chance, StoreRules(**rules))


def an_order(**changes: Any) -> Order:
    values: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "order_id": OrderId("ord_01kk0000000000000000000001"),
        "venue_id": VENUE,
        "marketplace_id": MARKETPLACE,
        "external_order_id": ExternalOrderId("X-1"),
        "currency": "USD",
        "total": Cents(1403),
        "received_at": NOW,
        "accept_by": NOW + timedelta(seconds=660),
    }
    return Order(**{**values, **changes})


def a_line(**changes: Any) -> Line:
    values: dict[str, Any] = {
        "product_id": ProductId("BURGER"),
        "name": "Burger",
        "quantity": 1,
        "unit_price": Cents(999),
        "modifiers": (LineModifier(ModifierId("CHEESE"), "Cheese", 1, Cents(150)),),
    }
    return Line(**{**values, **changes})


def a_content(external_order_id: str = "X-1", *lines: Line, **changes: Any) -> OrderContent:
    """Totals follow from the lines unless given."""
    lines = lines or (a_line(),)
    discount, tax, tip, fee = (Cents(changes.pop(name, 0)) for name in ("discount", "tax", "tip", "delivery_fee"))
    subtotal = Cents(sum(line.subtotal for line in lines))
    total = Cents(subtotal - discount + tax + tip + fee)
    values: dict[str, Any] = {
        "external_order_id": ExternalOrderId(external_order_id),
        "venue_id": VENUE,
        "placed_at": NOW,
        "fulfillment": Fulfillment(FulfillmentType.PICKUP),
        "customer": Customer("Ada", "+15550100", "ada@guests.example"),
        "lines": lines,
        "totals": Totals(subtotal, discount, tax, tip, fee, total),
        "currency": "USD",
        "payment": PaymentMethod.PREPAID,
    }
    return OrderContent(**{**values, **changes})


def a_menu(*products: Product, location_id: LocationId = LOCATION) -> Menu:
    """A burger with cheese, fries and a cola, unless products are given."""
    cheese = Modifier(ModifierId("CHEESE"), "Cheese", Cents(150))
    standard = (
        Product(
            ProductId("BURGER"),
            "Burger",
            Cents(999),
            Availability.AVAILABLE,
            tax_category="food",
            groups=(ModifierGroup("EXTRAS", "Extras", (cheese,)),),
        ),
        Product(ProductId("FRIES"), "Fries", Cents(349), Availability.AVAILABLE, tax_category="food"),
        Product(ProductId("COLA"), "Cola", Cents(250), Availability.AVAILABLE, tax_category="food"),
    )
    section = MenuSection("M1", "All day", products or standard)
    return Menu(location_id, (section,), (("food", "8.25"),), "USD", "1")


def a_store(pos_url: str = "http://127.0.0.1:9", **changes: Any) -> Store:
    values: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "venue_id": VENUE,
        "location_id": LOCATION,
        "name": "Acme One",
        "currency": "USD",
        "timezone": "America/New_York",
        "pos": PosConnection(pos_url, SHARED_ID),
        "rules": StoreRules(),
    }
    return Store(**{**values, **changes})
