"""A hub in a vendor's tests: it signs, calls an app without a socket, verifies what comes back.

hub = Hub(app(MyPOS(), shared_id="try-me-shared-id", store=":memory:"), "try-me-shared-id", "demo", "demo-1")
answer = await hub.submit(an_order(an_item("burger", 1299)))
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from heard.domain.ids import LocationId, OrganizationId, RequestUid
from heard.domain.menu.model import Menu
from heard.domain.money import Cents
from heard.domain.pos import (
    ItemType,
    PosAnswer,
    PosCancel,
    PosItem,
    PosOrder,
    PosOrderType,
    PosTotals,
    RequestType,
)
from heard.domain.stores import Amounts, PosConnection, SignatureScheme
from heard.pos.adapter import Location
from heard.pos.kit import PosApp
from heard.pos.store import Mapped
from heard.protocols.posnext import auth, decode, encode
from heard.protocols.posnext.menus import decode_menu
from heard.protocols.posnext.operations import CANCEL, MENUS, STATUS, SUBMIT, VALIDATE


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back. `answer` is there for statuses 200 and 202, its digest verified."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    answer: PosAnswer | None = None

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


def an_item(item_id: str, price_cents: int, *below: PosItem, quantity: int = 1, name: str = "") -> PosItem:
    """One line; `below` are its modifiers."""
    return PosItem(item_id, name or item_id, ItemType.ITEM, quantity, Cents(price_cents), menu_items=below)


def a_modifier(modifier_id: str, price_cents: int, *below: PosItem, quantity: int = 1) -> PosItem:
    return PosItem(modifier_id, modifier_id, ItemType.MODIFIER, quantity, Cents(price_cents), menu_items=below)


def an_order(*items: PosItem, tax_cents: int = 0, **changes: Any) -> PosOrder:
    """An order that adds up, with ids of its own."""
    subtotal = sum(_price(item) for item in items)
    uid = secrets.token_hex(8)
    order = PosOrder(
        request_uid=RequestUid(uid),
        request_type=RequestType.PLACE,
        request_datetime=datetime.now(UTC).replace(microsecond=0),
        organization_id=None,
        location_id=LocationId(""),
        online_order_id=f"OO-{uid}",
        order_type=PosOrderType.PICKUP,
        items=items,
        totals=PosTotals(Cents(subtotal), Cents(0), Cents(tax_cents), Cents(0), Cents(0), Cents(subtotal + tax_cents)),
    )
    return replace(order, **changes)


def _price(item: PosItem) -> int:
    return item.quantity * (item.price + sum(_price(below) for below in item.menu_items))


class Hub:
    """Calls one app as the hub would, for one of PAR's locations."""

    def __init__(
        self,
        app: PosApp,
        shared_id: str,
        organization_id: str = "demo",
        location_id: str = "demo-1",
        amounts: Amounts = Amounts.MINOR,
        signature: SignatureScheme = SignatureScheme.DIGEST,
    ) -> None:
        self.app = app
        self.organization_id, self.location_id = organization_id, location_id
        self.connection = PosConnection("", shared_id, amounts, signature)

    async def know(self, own: str, own_organization: str | None = None) -> None:
        """Map this hub's location to one of yours, as `heard pos map add` does."""
        location = Location(own_organization or self.organization_id, own)
        await self.app.start()
        await self.app.store.add_location(Mapped(self.organization_id, self.location_id, location))

    async def validate(self, order: PosOrder) -> Heard:
        return await self._order(VALIDATE.path, replace(order, request_type=RequestType.VALIDATE))

    async def submit(self, order: PosOrder) -> Heard:
        return await self._order(SUBMIT.path, replace(order, request_type=RequestType.PLACE))

    async def status(self, order_id: str) -> Heard:
        return await self.call("GET", STATUS.path.format(order_id=order_id), None)

    async def cancel(self, order: PosOrder, reason: str = "cancelled_by_guest") -> Heard:
        cancel = PosCancel(
            order.request_uid,
            order.request_datetime,
            OrganizationId(self.organization_id),
            LocationId(self.location_id),
            order.online_order_id,
            reason,
        )
        raw = encode.encode_cancel(cancel)
        headers = {auth.DIGEST_HEADER: auth.sign_cancel(cancel, raw, self.connection)}
        return await self.call("POST", CANCEL.path.format(order_id=order.request_uid), raw, headers)

    async def menu(self) -> Menu:
        heard = await self.call("POST", MENUS.path, encode.encode_menu_request(self.organization_id, self.location_id))
        assert heard.status == 200, heard.body
        return decode_menu(heard.body)

    async def _order(self, path: str, order: PosOrder) -> Heard:
        order = replace(
            order,
            organization_id=order.organization_id or OrganizationId(self.organization_id),
            location_id=order.location_id or LocationId(self.location_id),
        )
        raw = encode.encode_order(order, self.connection.amounts)
        return await self.call("POST", path, raw, {auth.DIGEST_HEADER: auth.sign_order(order, raw, self.connection)})

    async def call(self, method: str, path: str, raw: bytes | None, headers: Mapping[str, str] | None = None) -> Heard:
        """One call with a token of its own, unless `headers` say otherwise."""
        token = auth.make_token(
            self.connection.shared_id, self.organization_id, datetime.now(UTC), secrets.token_hex(8)
        )
        sent = {"authorization": f"Bearer {token}", "content-type": "application/json"} | dict(headers or {})
        status, received, body = await ask(self.app, method, path, raw or b"", sent)
        answer = None
        if status in (200, 202) and path != MENUS.path:
            answer = decode.decode_answer(body, self.connection.amounts)
            auth.verify_answer(
                answer,
                body,
                received.get(auth.DIGEST_HEADER),
                [self.connection.shared_id],
                self.connection.signature,
            )
        return Heard(status, received, body, answer)


async def ask(
    app: Any, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, dict[str, str], bytes]:
    """One request to an ASGI app without a socket: status, headers, body."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    received: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        received.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "client": None,
        "server": None,
    }
    await app(scope, receive, send)
    start = received[0]
    answered = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    return start["status"], answered, b"".join(one.get("body", b"") for one in received[1:])
