"""Whether what an order's payment was begun for was right by a menu that its store had before.

Then it is the price that changed, and is shown with both; else the amount was never right.
"""

from heard import limits
from heard.domain.refusals import Code, FieldError, Refused
from heard.engine.hub import Hub
from heard.engine.quote_cart import Quote, line_path, quote_at
from heard.storage import menus
from heard.storage.payments import Payment


async def refuse_if_price_changed(hub: Hub, quote: Quote, payment: Payment) -> None:
    """Hold a cart that costs other than its payment against the menus before. Raises Refused(price_changed), naming
    each line with both prices and the payment with both amounts.

    By the menu in use when the payment was begun, lines that cost something else now say it: a tax that a POS computed
    then cannot be had again. By one before that, from which the guest's cart may be, the amount must come out.
    """
    for version in await _versions_before(hub, quote, payment):
        try:
            before = await quote_at(hub, quote.store, quote.point, quote.asked, version)
        except Refused:  # it could not even be had then
            continue
        changed = [
            FieldError(line_path(quote.asked, place), "price_changed", f"was {old.subtotal} cents, is {new.subtotal}")
            for place, (old, new) in enumerate(zip(before.filled.lines, quote.filled.lines, strict=True))
            if old.subtotal != new.subtotal
        ]
        if before.totals.total == payment.amount or (changed and version == payment.menu_version):
            text = f"the payment is of {payment.amount} cents, the order comes to {quote.totals.total} by now"
            total = FieldError("$.payment_info.payment_init_hash", "other_amount", text)
            raise Refused(Code.PRICE_CHANGED, f"The menu has changed since: {text}.", *changed, total)


async def _versions_before(hub: Hub, quote: Quote, payment: Payment) -> list[str]:
    """Other menus than the one in use: that of the payment, then the last ones of the store."""
    async with hub.connection() as connection:
        kept = await menus.versions(connection, quote.store, 1 + limits.PRICE_CHANGED_MENUS_MAX)
    found = [payment.menu_version, *(one.version for one in kept)]
    others = dict.fromkeys(one for one in found if one is not None and one != quote.menu_version)
    return list(others)[: limits.PRICE_CHANGED_MENUS_MAX]
