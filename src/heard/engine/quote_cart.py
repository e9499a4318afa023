"""What a cart of the Ordering API costs at its store: filled from the cached menu, and priced. Nothing is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from heard import limits
from heard.domain.cart import Filled, fill
from heard.domain.ids import MarketplaceId, SingularPointId
from heard.domain.menu.off import NOTHING_OFF, Off, off_at
from heard.domain.money import MAX_CENTS, Cents, currency
from heard.domain.order.content import Totals
from heard.domain.pos_totals import PosComputed, PosDifference, compare, within
from heard.domain.pricing.accurate import says_tax, with_tax
from heard.domain.pricing.cart import DiscountExceedsSubtotal
from heard.domain.pricing.price import price
from heard.domain.pricing.priced import Priced
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.singular_points import SingularPoint
from heard.domain.stores import Store
from heard.engine.hub import Hub
from heard.engine.ordering_access import Caller
from heard.protocols.ordering.asked import AskedCart
from heard.protocols.ordering.auth import ORDER


@dataclass(frozen=True, slots=True)
class Quote:
    """A cart with its price. `differences` are those between hub and POS that the store puts up with."""

    store: Store
    point: SingularPoint
    asked: AskedCart
    menu_version: str
    filled: Filled
    priced: Priced
    tax_is_estimate: bool = True
    differences: tuple[PosDifference, ...] = ()

    @property
    def differing(self) -> list[tuple[str, Cents, Cents]]:
        """Where the POS has another number: the place in the request, ours, the POS's."""
        return [(_place(self, one), one.hub, one.pos) for one in self.differences]

    @property
    def totals(self) -> Totals:
        """As the POS is told them. Our reading: a tax that is in the prices is not told again."""
        priced = self.priced
        return Totals(
            subtotal=priced.subtotal,
            discount=priced.discount_total,
            tax=Cents(0) if priced.rules.inclusive else priced.tax_total,
            tip=priced.tip,
            delivery_fee=priced.fees,
            total=priced.total,
        )


async def quote_cart(hub: Hub, caller: Caller, asked: AskedCart) -> Quote:
    """Price a cart by the menu in use. Raises Refused."""
    refuse_discount_of_strangers(caller, asked)
    store, point = await find_place(hub, caller.application_id, asked.singular_point_id)
    refuse_order_type(point, asked)
    if store.menu_version is None or not store.menu_published:
        raise Refused(Code.MENU_NOT_SYNCED, "The store has no menu, or it is not published.")
    off = off_at(store.items_off, await hub.now()) if store.items_off else NOTHING_OFF
    return await quote_at(hub, store, point, asked, store.menu_version, off)


async def quote_at(
    hub: Hub, store: Store, point: SingularPoint, asked: AskedCart, version: str, off: Off = NOTHING_OFF
) -> Quote:
    """Price a cart by one version of the store's menu, less what is off it. Raises Refused."""
    money = currency(store.currency)
    wrong = [
        FieldError(path, "not_payable", f"{amount} is no multiple of {money.step} ({money.code})")
        for path, amount in (("$.discounts[0].discount_amount", asked.wanted.discount), ("$.tip", asked.wanted.tip))
        if amount % money.step
    ]
    if wrong:
        raise _refused(Code.INVALID_BODY, wrong)
    filled = fill(asked.wanted, await hub.price_book(store, version), money, off)
    if not isinstance(filled, Filled):
        raise _refused(Code.ITEM_UNAVAILABLE, filled)
    try:
        priced = price(filled.cart, store.pricing_rules)
    except DiscountExceedsSubtotal as error:
        path = FieldError("$.discounts[0].discount_amount", "exceeds_subtotal", str(error))
        raise Refused(Code.DISCOUNT_EXCEEDS_SUBTOTAL, str(error), path) from None
    return Quote(store, point, asked, version, filled, _payable(priced))


def refuse_discount_of_strangers(caller: Caller, asked: AskedCart) -> None:
    """A discount is machine to machine [doc]. Raises Refused(token_required | insufficient_scope)."""
    if asked.wanted.discount:
        caller.require(ORDER, "An external discount")


def refuse_order_type(point: SingularPoint, asked: AskedCart) -> None:
    """Raises Refused(order_type_not_served)."""
    if asked.order_type in point.order_types:
        return
    known = ", ".join(f"{one.value} ({one.word})" for one in point.order_types)
    text = f"{point.name} takes order types {known}, not {asked.order_type.value}"
    raise Refused(Code.ORDER_TYPE_NOT_SERVED, text, FieldError("$.order_type.id", "order_type_not_served", text))


async def find_place(
    hub: Hub, application_id: MarketplaceId, singular_point_id: SingularPointId
) -> tuple[Store, SingularPoint]:
    """Where an application may order, and at which store that is. Raises Refused(unknown_singular_point).

    One that is not the application's is as unknown to it as one that does not exist.
    """
    point = await hub.singular_point(singular_point_id)
    store = await hub.store(point.venue_id) if point else None
    if point is None or store is None or not await hub.is_connected(application_id, store):
        raise no_such_point()
    return store, point


def no_such_point() -> Refused:
    """What an application is told of one that is not there, and of one that is not its own."""
    text = "there is no such singular point that you may order at"
    error = FieldError("$.singular_point_id", "unknown_singular_point", text)
    return Refused(Code.UNKNOWN_SINGULAR_POINT, f"{error.path}: {text}", error)


def with_pos(quote: Quote, computed: PosComputed) -> Quote:
    """The quote with the POS's tax instead of the estimate, if it states one.

    Raises Refused(pos_totals_differ) where hub and POS differ otherwise by more than the store puts up with, naming
    each place with both numbers.
    """
    tax, tax_included = computed.totals.tax, quote.priced.rules.inclusive
    differences = compare(quote.filled.lines, quote.totals, computed, tax_included=tax_included)
    if not within(differences, quote.store.rules.total_tolerance):
        errors = [
            FieldError(_place(quote, one), "differs", f"the hub computes {one.hub} cents, the POS {one.pos}")
            for one in differences
        ]
        raise _refused(Code.POS_TOTALS_DIFFER, errors)
    if not says_tax(quote.priced, tax):
        return replace(quote, differences=differences)
    priced = _payable(with_tax(quote.priced, tax))
    return replace(quote, priced=priced, tax_is_estimate=False, differences=differences)


def line_path(asked: AskedCart, place: int) -> str:
    """Where a line stands in the body: items come first, then combos."""
    items = len(asked.wanted.items)
    return f"$.menu_items[{place}]" if place < items else f"$.combo_meals[{place - items}]"


def _payable(priced: Priced) -> Priced:
    """Raises Refused: a tip or a tax may make more of an order than any may cost."""
    if priced.total > MAX_CENTS:
        text = f"comes to {priced.total} cents, and no order may come to more than {MAX_CENTS}"
        raise _refused(Code.INVALID_BODY, [FieldError("$", "too_much", text)])
    return priced


def _place(quote: Quote, difference: PosDifference) -> str:
    """The JSON path of a line in the body, or the total's name."""
    return f"$.{difference.name}" if difference.place is None else line_path(quote.asked, difference.place)


def _refused(code: Code, errors: Sequence[FieldError]) -> Refused:
    return Refused(code, f"{errors[0].path}: {errors[0].message}", *errors[: limits.FIELD_ERRORS_MAX])
