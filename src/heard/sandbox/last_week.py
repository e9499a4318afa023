"""The demo's menu as it was a week ago, so that there are two versions to compare from the first minute on."""

from dataclasses import replace

from heard.domain.ids import ProductId
from heard.domain.menu.model import Availability, Menu, Product
from heard.domain.money import Cents


def as_it_was(menu: Menu) -> Menu:
    """Of its first section: one product was dearer, one sold out, one more was there; its last product was not yet."""
    first, *others = menu.sections
    dear, gone, *rest = first.products
    season = Product(
        ProductId("SOUP-PUMPKIN"),
        "Pumpkin and chestnut",
        Cents(725),
        Availability.AVAILABLE,
        description="As long as there are pumpkins.",
        tax_category=dear.tax_category,
        categories=dear.categories,
    )
    was = (
        replace(dear, price=Cents(dear.price + 50)),
        replace(gone, availability=Availability.UNAVAILABLE),
        *rest[:-1],
        season,
    )
    return replace(menu, version="last week's", sections=(replace(first, products=was), *others))
