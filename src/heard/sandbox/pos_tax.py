"""The sandbox POS's own arithmetic: the totals of an order by its menu's tax rates, whatever the request states."""

from heard.domain.ids import ModifierId, ProductId
from heard.domain.menu.model import Menu
from heard.domain.menu.taxes import rates_of
from heard.domain.money import Cents, currency
from heard.domain.pos import ItemType, PosItem, PosOrder, PosTotals
from heard.domain.pricing.cart import Cart, CartComponent, CartLine, CartModifier, PricingRules, TaxRate
from heard.domain.pricing.price import price


def totals_of(order: PosOrder, menu: Menu) -> PosTotals:
    """What the till computes: each line taxed on what its discount leaves, by its product's category."""
    till = _Till(menu)
    sold = [one for one in order.items if one.item_type not in (ItemType.DISCOUNT, ItemType.MEMO)]
    discount = sum(_discounts(one) for one in order.items)
    stated = order.totals
    cart = Cart(
        tuple([till.line(one) for one in sold]),
        currency(menu.currency or "USD"),
        discount=Cents(discount),
        tip=stated.tip,
        fees=stated.fees,
    )
    priced = price(cart, PricingRules())
    return PosTotals(priced.subtotal, priced.discount_total, priced.tax_total, stated.tip, stated.fees, priced.total)


def _discounts(item: PosItem) -> int:
    """A Discount is for its whole line."""
    own = item.price * item.quantity if item.item_type is ItemType.DISCOUNT else 0
    return own + sum(_discounts(one) for one in item.menu_items)


class _Till:
    def __init__(self, menu: Menu) -> None:
        self._products = {product.id: product for product in menu.products()}
        self._rates = {
            category: tuple([TaxRate(*one) for one in rates]) for category, rates in rates_of(menu.tax_rates).items()
        }

    def line(self, item: PosItem) -> CartLine:
        children = [one for one in item.menu_items if one.item_type is ItemType.MODIFIER]
        parts = [one for one in children if ProductId(one.id) in self._products]
        modifiers = tuple([_modifier(one) for one in children if one not in parts])
        components = tuple([self._component(one) for one in parts])
        taxes = () if components else self._taxes(ProductId(item.id))
        return CartLine(ProductId(item.id), item.name, item.quantity, item.price, modifiers, taxes, components)

    def _component(self, item: PosItem) -> CartComponent:
        product_id = ProductId(item.id)
        list_price = self._products[product_id].price
        return CartComponent(product_id, item.name, item.quantity, list_price, self._taxes(product_id))

    def _taxes(self, product_id: ProductId) -> tuple[TaxRate, ...]:
        product = self._products.get(product_id)
        return self._rates.get(product.tax_category or "", ()) if product else ()


def _modifier(item: PosItem) -> CartModifier:
    below = tuple([_modifier(one) for one in item.menu_items if one.item_type is ItemType.MODIFIER])
    return CartModifier(ModifierId(item.id), item.name, item.quantity, item.price, below)
