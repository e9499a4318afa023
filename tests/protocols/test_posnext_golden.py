"""The exact bytes of posnext, kept as files. A change here is a change of the wire."""

from datetime import timedelta
from pathlib import Path

import pytest
from posnext_builders import AT, a_full_order, an_answer

from heard.domain.ids import LocationId, ModifierId, OrganizationId, ProductId, RequestUid
from heard.domain.menu.model import (
    Availability,
    ComboComponent,
    Menu,
    MenuSection,
    Modifier,
    ModifierGroup,
    Product,
    ProductType,
)
from heard.domain.money import Cents
from heard.domain.pos import KitchenState, PosCancel, PosError, PosStatus, RequestType
from heard.domain.stores import Amounts
from heard.protocols.posnext import decode, encode, menus

FILES = Path(__file__).parent.parent / "golden" / "posnext"

DIP = ModifierGroup("g-dip", "Dip", (Modifier(ModifierId("dip"), "Dip", Cents(50)),), 0, 2)
MENU = Menu(
    location_id=LocationId("PAR-LOC-12345"),
    sections=(
        MenuSection(
            "lunch",
            "Lunch",
            (
                Product(
                    id=ProductId("burger"),
                    name="Burger",
                    price=Cents(1299),
                    availability=Availability.AVAILABLE,
                    description="With “everything”",
                    tax_category="food",
                    categories=("mains",),
                    image_url="https://img.example/burger.jpg",
                    groups=(
                        ModifierGroup(
                            "g-side",
                            "Side",
                            (Modifier(ModifierId("fries"), "Fries", Cents(250), Availability.UNAVAILABLE, (DIP,)),),
                            1,
                            None,
                        ),
                    ),
                ),
                Product(
                    id=ProductId("meal"),
                    name="Meal",
                    price=Cents(1500),
                    availability=Availability.HIDDEN,
                    type=ProductType.COMBO,
                    components=(ComboComponent("Main", (ProductId("burger"),), 1, 1),),
                ),
            ),
        ),
    ),
    tax_rates=(("food", "8.25"),),
    currency="USD",
    version="7",
)
REJECTED = an_answer(
    status=PosStatus.REJECTED,
    pos_order_id=None,
    totals=None,
    items=(),
    errors=(PosError("item_unavailable", "Sold out", "$.order_details.menu_items[0]"),),
)
PLACED = an_answer(
    estimated_ready_at=AT + timedelta(minutes=15),
    received_at=AT + timedelta(seconds=1),
    completed_at=AT + timedelta(seconds=2),
    kitchen=KitchenState.IN_PREPARATION,
)
PENDING = an_answer(status=PosStatus.PENDING, pos_order_id=None, totals=None, items=())

CANCEL = PosCancel(
    RequestUid("order-12345"), AT, OrganizationId("org-1"), LocationId("PAR-LOC-12345"), "OO-1001", "cancelled_by_guest"
)

ORDERS = {
    "validate_minor.json": (a_full_order(RequestType.VALIDATE), Amounts.MINOR),
    "submit_minor.json": (a_full_order(), Amounts.MINOR),
    "submit_decimal.json": (a_full_order(), Amounts.DECIMAL),
}
ANSWERS = {
    "placed_minor.json": (PLACED, Amounts.MINOR),
    "placed_decimal.json": (PLACED, Amounts.DECIMAL),
    "rejected.json": (REJECTED, Amounts.MINOR),
    "accepted_202.json": (PENDING, Amounts.MINOR),
}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_these_bytes(name: str) -> None:
    order, amounts = ORDERS[name]
    assert encode.encode_order(order, amounts) == (FILES / name).read_bytes()
    assert decode.decode_order((FILES / name).read_bytes(), amounts) == order


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_these_bytes(name: str) -> None:
    answer, amounts = ANSWERS[name]
    assert encode.encode_answer(answer, amounts) == (FILES / name).read_bytes()
    assert decode.decode_answer((FILES / name).read_bytes(), amounts) == answer


def test_a_menu_is_these_bytes() -> None:
    assert encode.encode_menu(MENU) == (FILES / "menu.json").read_bytes()
    assert menus.decode_menu((FILES / "menu.json").read_bytes()) == MENU


def test_a_menu_request_is_these_bytes() -> None:
    raw = (FILES / "menu_request.json").read_bytes()
    assert encode.encode_menu_request("org-1", "PAR-LOC-12345") == raw
    assert decode.decode_menu_request(raw) == ("org-1", "PAR-LOC-12345")
    assert decode.decode_menu_request(encode.encode_menu_request(None, "L")) == (None, "L")


def test_a_cancel_is_these_bytes() -> None:
    assert encode.encode_cancel(CANCEL) == (FILES / "cancel.json").read_bytes()
    assert decode.decode_cancel((FILES / "cancel.json").read_bytes()) == CANCEL


def test_every_golden_file_is_held() -> None:
    others = {"menu.json", "menu_request.json", "cancel.json"}
    assert {file.name for file in FILES.iterdir()} == {*ORDERS, *ANSWERS, *others}
