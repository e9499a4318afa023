"""The Ordering API's bytes as our words. What does not hold is refused, naming every JSON path that is wrong."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from heard import limits
from heard.domain.cart import WantedCart, WantedCombo, WantedItem, WantedModifier
from heard.domain.ids import (
    EndpointId,
    ModifierId,
    OrderId,
    PriceLevelId,
    ProductId,
    SingularPointId,
    VenueId,
    id_from_uuid,
)
from heard.domain.money import Cents, MoneyError, currency
from heard.domain.order_types import OrderType
from heard.domain.refusals import Code, FieldError, Refused
from heard.protocols.addresses import is_web_address
from heard.protocols.ordering import wire
from heard.protocols.ordering.asked import AskedCart, AskedCustomer, AskedOrder, AskedPayment
from heard.protocols.strict_json import invalid_body, parse, read, shape

NON_INTEGRATED: Final = "non_integrated"
_ORIGINS: Final = frozenset({NON_INTEGRATED, "non-integrated"})  # the samples' spelling, and the tables'


def decode_calculate(raw: bytes) -> AskedCart:
    """A cart that is to be priced. Raises Refused: malformed_json, invalid_body."""
    value = parse(raw)
    _check_discount_amounts(value)
    return _Checked(shape(value, wire.Calculate)).cart()


def decode_new_order(raw: bytes) -> AskedOrder:
    """A cart that is to be ordered, by whom, and paid with what. Raises Refused: malformed_json, invalid_body."""
    value = parse(raw)
    _check_discount_amounts(value)
    body = shape(value, wire.NewOrder)
    guest = body.customer_info or wire.CustomerInfo()
    return AskedOrder(
        cart=_Checked(body).cart(),
        customer=AskedCustomer(guest.email, guest.first_name, guest.last_name, guest.phone_number),
        payment_init_hash=body.payment_info.payment_init_hash,
        is_reorder=bool(body.is_reorder),
    )


def decode_payment(raw: bytes) -> AskedPayment:
    """A payment that is to begin. Raises Refused: malformed_json, invalid_body."""
    body = read(raw, wire.InitializePayment)
    try:
        step = currency(body.currency).step
    except MoneyError as error:
        raise invalid_body(FieldError("$.currency", "unknown_currency", str(error))) from None
    if body.amount % step:
        text = f"{body.amount} is no multiple of {step} ({body.currency})"
        raise invalid_body(FieldError("$.amount", "not_payable", text))
    point = _singular_point(body.singular_point_id)
    if isinstance(point, FieldError):
        raise invalid_body(point)
    return AskedPayment(point, Cents(body.amount), body.currency, body.payment_method)


def decode_webhook(raw: bytes) -> str:
    """Where an application wants to be told. Raises Refused: malformed_json, invalid_body."""
    url = read(raw, wire.NewWebhook).url
    if not is_web_address(url):
        text = f"{url[:80]!r} is not an address such as https://app.example/heard"
        raise invalid_body(FieldError("$.url", "not_an_address", text))
    return url


def venue_id_of(uuid: str) -> VenueId:
    """Raises Refused(unknown_venue) for what is no UUID."""
    found = id_from_uuid("ven", uuid)
    if found is None:
        raise Refused(Code.UNKNOWN_VENUE, f"There is no venue {uuid[:80]!r}: its id is a UUID.")
    return VenueId(found)


def order_id_of(uuid: str) -> OrderId:
    """Raises Refused(unknown_order) for what is no UUID."""
    found = id_from_uuid("ord", uuid)
    if found is None:
        raise Refused(Code.UNKNOWN_ORDER, f"There is no order {uuid[:80]!r}: its id is a UUID.")
    return OrderId(found)


def endpoint_id_of(uuid: str) -> EndpointId:
    """Raises Refused(unknown_endpoint) for what is no UUID."""
    found = id_from_uuid("whk", uuid)
    if found is None:
        raise Refused(Code.UNKNOWN_ENDPOINT, f"There is no webhook {uuid[:80]!r}: its id is a UUID.")
    return EndpointId(found)


def nested_view(given: list[str]) -> bool:
    """Whether a query's `view` asks for all that belongs to a thing. Raises Refused(invalid_body)."""
    if len(given) > 1:
        raise invalid_body(FieldError("view", "repeated", "give it once"))
    if given and given[0] != "withNestedEntities":
        raise invalid_body(FieldError("view", "unknown_value", f"{given[0][:40]!r} is not withNestedEntities"))
    return bool(given)


def _singular_point(uuid: str) -> SingularPointId | FieldError:
    found = id_from_uuid("spt", uuid)
    if found is None:
        return FieldError("$.singular_point_id", "not_a_uuid", f"{uuid[:40]!r} is no UUID")
    return SingularPointId(found)


def _check_discount_amounts(value: object) -> None:
    """Before the body is held against its shape: what is wrong with money is told in plain words.

    Raises Refused(invalid_body).
    """
    errors = list(_amount_faults(value))
    if errors:
        raise invalid_body(*errors[: limits.FIELD_ERRORS_MAX])


def _amount_faults(value: object) -> Iterator[FieldError]:
    found = value.get("discounts") if isinstance(value, dict) else None
    for place, one in enumerate(found if isinstance(found, list) else ()):
        if not isinstance(one, dict) or "discount_amount" not in one:
            continue
        amount, path = one["discount_amount"], f"$.discounts[{place}].discount_amount"
        if isinstance(amount, bool) or not isinstance(amount, int):
            shown = str(amount) if isinstance(amount, Decimal) else f"a {_KINDS.get(type(amount), 'list or an object')}"
            yield FieldError(path, "not_whole_cents", f"must be a whole number of cents such as 250, not {shown}")
        elif amount <= 0:
            yield FieldError(path, "not_positive", f"must be above 0 cents, not {amount}")


_KINDS: Final = {str: "string", bool: "boolean", type(None): "null"}


class _Checked:
    """One body being checked: every fault is collected, then told at once."""

    def __init__(self, body: wire.Calculate) -> None:
        self._body = body
        self._errors: list[FieldError] = []

    def cart(self) -> AskedCart:
        body = self._body
        point = _singular_point(body.singular_point_id)
        if isinstance(point, FieldError):
            self._errors.append(point)
        order_type = self._order_type()
        items, combos = self._items(body.menu_items or [], "$.menu_items"), self._combos()
        discount = self._discount()
        if body.discount_cards:
            text = "no loyalty provider is integrated, so that no card is taken: send discounts"
            self._fault("$.discount_cards[0]", "not_supported", text)
        if len(items) + len(combos) > limits.ORDER_LINES_MAX:
            self._fault("$.combo_meals", "too_many", f"at most {limits.ORDER_LINES_MAX} items and combos together")
        if self._errors or order_type is None or isinstance(point, FieldError):
            raise invalid_body(*self._errors[: limits.FIELD_ERRORS_MAX])
        chosen, tip = body.order_type, body.tip
        delivery = chosen.delivery_info or wire.DeliveryInfo()
        return AskedCart(
            wanted=WantedCart(
                order_type, items, combos, discount, Cents(tip.amount if isinstance(tip, wire.Tip) else tip or 0)
            ),
            singular_point_id=point,
            accurate_tax=bool(body.calculate_accurate_tax),
            pickup_asap=chosen.pickup_asap,
            pickup_at=chosen.pickup_at,
            delivery_address=delivery.address,
            delivery_comment=delivery.comment,
            notes=body.notes,
        )

    def _fault(self, path: str, code: str, message: str) -> None:
        self._errors.append(FieldError(path, code, message))

    def _order_type(self) -> OrderType | None:
        number = self._body.order_type.id
        try:
            return OrderType(number)
        except ValueError:
            known = ", ".join(f"{one.value} ({one.word})" for one in OrderType)
            self._fault("$.order_type.id", "unknown_order_type", f"{number} is none of {known}")
            return None

    def _discount(self) -> Cents:
        """At most one per order [doc], and of the one origin that there is."""
        found = self._body.discounts or []
        for place, _ in enumerate(found[1:], 1):
            self._fault(f"$.discounts[{place}]", "too_many_discounts", "an order has one external discount at most")
        for place, one in enumerate(found):
            self._origin(one, f"$.discounts[{place}]")
        return Cents(found[0].discount_amount) if found else Cents(0)

    def _origin(self, discount: wire.Discount, path: str) -> None:
        both = (("origin_type", discount.origin_type), ("origin", discount.origin))
        stated = {name: word for name, word in both if word is not None}
        if not stated:
            self._fault(f"{path}.origin_type", "missing", f"say where the discount comes from: {NON_INTEGRATED}")
        unknown = [name for name, word in stated.items() if word not in _ORIGINS]
        if len(stated) == 2 and len(unknown) == 1:
            text = " and ".join(f"{name} {word[:40]!r}" for name, word in stated.items()) + " disagree"
            self._fault(f"{path}.origin", "contradiction", text)
            return
        for name in unknown:
            text = f"{stated[name][:40]!r} is not {NON_INTEGRATED}: other discounts are not taken"
            self._fault(f"{path}.{name}", "unknown_origin", text)

    def _items(self, found: list[wire.MenuItem], path: str) -> tuple[WantedItem, ...]:
        return tuple(
            WantedItem(
                ProductId(one.id),
                one.quantity,
                _level(one.price_level_id),
                self._modifiers(one.modifiers, f"{path}[{place}].modifiers"),
                one.comment,
            )
            for place, one in enumerate(found)
        )

    def _combos(self) -> tuple[WantedCombo, ...]:
        found = self._body.combo_meals or []
        return tuple(self._combo(one, f"$.combo_meals[{place}]") for place, one in enumerate(found))

    def _combo(self, combo: wire.ComboMeal, path: str) -> WantedCombo:
        chosen = combo.menu_items or []
        if len(chosen) > limits.MODIFIERS_PER_LINE_MAX:
            self._fault(f"{path}.menu_items", "too_many", f"at most {limits.MODIFIERS_PER_LINE_MAX} in one combo")
        return WantedCombo(
            ProductId(combo.id),
            combo.quantity,
            _level(combo.price_level_id),
            self._items(chosen, f"{path}.menu_items"),
            self._modifiers(combo.modifiers, f"{path}.modifiers"),
            combo.comment,
        )

    def _modifiers(self, found: list[wire.Modifier] | None, path: str) -> tuple[WantedModifier, ...]:
        if not found:
            return ()
        modifiers = self._nested(found, path, 1)
        if _count(modifiers) > limits.MODIFIERS_PER_LINE_MAX:
            self._fault(path, "too_many", f"at most {limits.MODIFIERS_PER_LINE_MAX} on one line")
        return modifiers

    def _nested(self, found: list[wire.Modifier], path: str, depth: int) -> tuple[WantedModifier, ...]:
        if found and depth > limits.MODIFIER_DEPTH_MAX:
            self._fault(path, "too_deep", f"modifiers nest at most {limits.MODIFIER_DEPTH_MAX} deep")
            return ()
        return tuple(
            WantedModifier(
                ModifierId(one.id),
                one.quantity,
                self._nested(one.modifiers or [], f"{path}[{place}].modifiers", depth + 1),
                _level(one.price_level_id),
            )
            for place, one in enumerate(found)
        )


def _level(price_level_id: str | None) -> PriceLevelId | None:
    return None if price_level_id is None else PriceLevelId(price_level_id)


def _count(modifiers: tuple[WantedModifier, ...]) -> int:
    return sum(1 + _count(one.modifiers) for one in modifiers)
