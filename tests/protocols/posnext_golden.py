"""What the golden files of posnext are made from: one value for every kind of message, and every call of the hub."""

from dataclasses import replace
from datetime import timedelta

from posnext_builders import AT, SHARED_ID, a_full_order, an_answer

from builders import NOW, a_content, a_line, a_menu, a_store
from builders import an_order as an_order_of_the_hub
from heard.connectors.contract import Occasion
from heard.connectors.posnext.connector import PosnextConnector
from heard.domain.ids import LocationId, ModifierId, OrganizationId, ProductId, RequestUid
from heard.domain.menu.index import index_menu
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
from heard.domain.order.content import Fulfillment, FulfillmentType, PaymentMethod
from heard.domain.order.model import ReasonCode
from heard.domain.order.plan import Task
from heard.domain.pos import KitchenState, PosAnswer, PosCancel, PosError, PosOrder, PosStatus, RequestType
from heard.domain.stores import Amounts, PosConnection, SignatureScheme, Store
from heard.net.call import Call
from heard.protocols.posnext import auth, encode

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
CANCEL = PosCancel(
    RequestUid("order-12345"), AT, OrganizationId("org-1"), LocationId("PAR-LOC-12345"), "OO-1001", "cancelled_by_guest"
)

# --- bodies -----------------------------------------------------------------------------------------------

_TIMES = {"received_at": AT + timedelta(seconds=1), "completed_at": AT + timedelta(seconds=2)}
_PLACED = an_answer(estimated_ready_at=AT + timedelta(minutes=15), kitchen=KitchenState.IN_PREPARATION, **_TIMES)


def _without_ticket(status: PosStatus, *errors: PosError) -> PosAnswer:
    return an_answer(status=status, pos_order_id=None, totals=None, items=(), errors=errors)


_ORDERS = {
    "validate": a_full_order(RequestType.VALIDATE),
    "validate_now": replace(a_full_order(RequestType.VALIDATE), requested_at=None, callback_url=None),
    "submit": a_full_order(),
    "submit_now": replace(a_full_order(), requested_at=None),
}
_WITH_AMOUNTS = {
    "validated": an_answer(status=PosStatus.VALIDATED, pos_order_id=None, **_TIMES),
    "placed": _PLACED,
    "status": replace(_PLACED, kitchen=KitchenState.READY),
    "callback": replace(_PLACED, kitchen=KitchenState.COMPLETED, items=()),
}
ORDERS: dict[str, tuple[PosOrder, Amounts]] = {
    f"{name}_{amounts}.json": (order, amounts) for name, order in _ORDERS.items() for amounts in Amounts
}
ANSWERS: dict[str, tuple[PosAnswer, Amounts]] = {
    **{f"{name}_{amounts}.json": (said, amounts) for name, said in _WITH_AMOUNTS.items() for amounts in Amounts},
    "accepted_202.json": (_without_ticket(PosStatus.PENDING), Amounts.MINOR),
    "rejected.json": (
        _without_ticket(PosStatus.REJECTED, PosError("item_unavailable", "Sold out", "$.order_details.menu_items[0]")),
        Amounts.MINOR,
    ),
    "errored.json": (
        _without_ticket(PosStatus.ERRORED, PosError("printer_offline", "The kitchen's printer", None, True)),
        Amounts.MINOR,
    ),
    "cancelled.json": (_without_ticket(PosStatus.CANCELLED), Amounts.MINOR),
}


def bodies() -> dict[str, bytes]:
    """Every body by the name of its file."""
    return {
        **{name: encode.encode_order(order, amounts) for name, (order, amounts) in ORDERS.items()},
        **{name: encode.encode_answer(said, amounts) for name, (said, amounts) in ANSWERS.items()},
        "cancel.json": encode.encode_cancel(CANCEL),
        "menu.json": encode.encode_menu(MENU),
        "menu_request.json": encode.encode_menu_request("org-1", "PAR-LOC-12345"),
    }


def digests() -> dict[str, dict[str, str]]:
    """The x-pch-digest of every body that is signed, in each scheme in which it is."""
    found: dict[str, dict[str, str]] = {}
    for name, raw in bodies().items():
        for scheme in SignatureScheme:
            signed = _signed(name, raw, PosConnection("https://pos.example", SHARED_ID, signature=scheme))
            if signed is not None:
                found.setdefault(name, {})[scheme] = signed
    return found


def _signed(name: str, raw: bytes, connection: PosConnection) -> str | None:
    if name in ORDERS:
        return auth.sign_order(ORDERS[name][0], raw, connection)
    if name in ANSWERS:
        return auth.sign_answer(ANSWERS[name][0], raw, connection)
    if name == "cancel.json":
        return auth.sign_cancel(CANCEL, raw, connection)
    return auth.sign_body(raw, connection) if name == "menu.json" else None


# --- whole requests ---------------------------------------------------------------------------------------

CALLED = NOW + timedelta(seconds=7)
_LATER = Fulfillment(FulfillmentType.DELIVERY, NOW + timedelta(hours=3))
_SOON = Fulfillment(FulfillmentType.PICKUP)


def _store(amounts: Amounts = Amounts.MINOR, scheme: SignatureScheme = SignatureScheme.DIGEST) -> Store:
    return a_store(pos=PosConnection("https://pos.example/", SHARED_ID, amounts, scheme))


def _order_call(task: Task, store: Store, fulfillment: Fulfillment = _SOON) -> Call:
    order = an_order_of_the_hub(
        validate_at=NOW + timedelta(seconds=1),
        submit_at=NOW + timedelta(milliseconds=2_345),
        cancel_at=NOW + timedelta(seconds=5),
        reason_code=ReasonCode.CANCELLED_BY_GUEST,
    )
    content = a_content(
        "X-1",
        a_line(quantity=2, notes="no onions"),
        a_line(product_id=ProductId("COLA"), name="Cola", unit_price=Cents(250), modifiers=()),
        discount=115,
        tax=207,
        tip=100,
        fulfillment=fulfillment,
        payment=PaymentMethod.PREPAID,
    )
    occasion = Occasion(CALLED, "call_1", f"https://hub.example/posnext/callbacks/{store.venue_id}")
    return PosnextConnector().order_call(task, order, content, index_menu(a_menu(), "1"), store, occasion)


def _menu_call(etag: str | None) -> Call:
    return PosnextConnector().menu_call(_store(), Occasion(CALLED, "call_1", None), etag)


def _callback(amounts: Amounts, scheme: SignatureScheme) -> Call:
    """As a POS sends it."""
    store = _store(amounts, scheme)
    said = an_answer(
        request_uid=RequestUid("sub_01kk0000000000000000000001"),
        request_datetime=NOW + timedelta(milliseconds=2_345),
        organization_id=store.organization_id,
        location_id=store.location_id,
        online_order_id="ord_01kk0000000000000000000001",
        kitchen=KitchenState.READY,
    )
    raw = encode.encode_answer(said, amounts)
    headers = {
        "authorization": f"Bearer {auth.make_token(SHARED_ID, store.organization_id, CALLED, 'callback_1')}",
        "x-pch-digest": auth.sign_answer(said, raw, store.pos),
        "content-type": "application/json",
    }
    return Call("POST", f"https://hub.example/posnext/callbacks/{store.venue_id}", headers, raw, 10.0, 65_536)


# The calls of the hub, each for each form of amounts and each scheme that changes its bytes.
CALLS: dict[str, tuple[Call, Store]] = {
    **{
        f"{task}_{amounts}_{scheme}.http": (_order_call(task, _store(amounts, scheme)), _store(amounts, scheme))
        for task in (Task.VALIDATE, Task.SUBMIT, Task.WITHDRAW)
        for amounts in Amounts
        for scheme in SignatureScheme
    },
    "submit_later.http": (_order_call(Task.SUBMIT, _store(), _LATER), _store()),
    **{
        f"{task}.http": (_order_call(task, _store()), _store())
        for task in (Task.READ_VALIDATION, Task.READ_TICKET, Task.READ_WITHDRAWAL, Task.FOLLOW)
    },
    "menus.http": (_menu_call(None), _store()),
    "menus_if_changed.http": (_menu_call('"7"'), _store()),
    **{
        f"callback_{amounts}_{scheme}.http": (_callback(amounts, scheme), _store(amounts, scheme))
        for amounts in Amounts
        for scheme in SignatureScheme
    },
}


def as_http(call: Call) -> bytes:
    """A request as it goes out, without what the HTTP client adds. Line ends are plain, for reading."""
    host, _, path = call.url.removeprefix("https://").partition("/")
    lines = [f"{call.method} /{path} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {text}" for name, text in call.headers.items()]
    return "\n".join([*lines, "", ""]).encode() + (call.body or b"")
