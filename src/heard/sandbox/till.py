"""What a POS computes by itself: the taxes of an order, from its own menu's rates, on what the discount leaves."""

from heard.domain.ids import ModifierId, ProductId
from heard.domain.menu.model import Menu, Product
from heard.domain.menu.taxes import rates_of
from heard.domain.money import Cents, currency
from heard.domain.pos import ItemType, PosItem, PosOrder, PosTotals
from heard.domain.pricing.cart import Cart, CartComponent, CartLine, CartModifier, PricingRules, TaxRate
from heard.domain.pricing.price import price

_NOT_SOLD = (ItemType.DISCOUNT, ItemType.MEMO)


class Till:
    """One menu's till. It takes prices as they come, and taxes each line by itself, half a cent up."""

    def __init__(self, menu: Menu) -> None:
        self._products = {product.id: product for product in menu.products()}
        self._rates = rates_of(menu.tax_rates)
        self._currency = currency(menu.currency or "USD")

    def totals(self, order: PosOrder) -> PosTotals:
        """The order's totals with the till's own tax, and the grand total that follows."""
        sold = [item for item in order.items if item.item_type not in _NOT_SOLD]
        lines, shares = tuple(map(self._line, sold)), [_off(item.menu_items) for item in sold]
        beside = _off(order.items)
        if beside:  # a discount of the whole order, as one line: it is spread as the hub would
            tax = self._tax(lines, Cents(beside + sum(shares)))
        else:
            tax = Cents(sum(self._tax((line,), share) for line, share in zip(lines, shares, strict=True)))
        said = order.totals
        grand_total = said.subtotal - said.discount_total + tax + said.tip + said.fees
        return PosTotals(said.subtotal, said.discount_total, tax, said.tip, said.fees, Cents(grand_total))

    def _tax(self, lines: tuple[CartLine, ...], discount: Cents) -> Cents:
        return price(Cart(lines, self._currency, discount), PricingRules()).tax_total

    def _line(self, item: PosItem) -> CartLine:
        product = self._products.get(ProductId(item.id))
        parts = {one for group in product.components for one in group.product_ids} if product else set()
        children = [child for child in item.menu_items if child.item_type is ItemType.MODIFIER]
        components = tuple(self._component(child) for child in children if child.id in parts)
        modifiers = tuple(_modifier(child) for child in children if child.id not in parts)
        taxes = () if components else self._taxes(product)
        return CartLine(ProductId(item.id), item.name, item.quantity, item.price, modifiers, taxes, components)

    def _component(self, child: PosItem) -> CartComponent:
        product = self._products[ProductId(child.id)]
        return CartComponent(product.id, product.name, child.quantity, product.price, self._taxes(product))

    def _taxes(self, product: Product | None) -> tuple[TaxRate, ...]:
        category = product.tax_category if product is not None else None
        return tuple(TaxRate(name, rate) for name, rate in self._rates.get(category or "", ()))


def _modifier(child: PosItem) -> CartModifier:
    below = tuple(_modifier(one) for one in child.menu_items if one.item_type is ItemType.MODIFIER)
    return CartModifier(ModifierId(child.id), child.name, child.quantity, child.price, below)


def _off(items: tuple[PosItem, ...]) -> Cents:
    return Cents(sum(item.price * item.quantity for item in items if item.item_type is ItemType.DISCOUNT))
