"""Hypothesis strategies for menus: small ones that clash often, so that ids repeat, move and nest."""

from collections.abc import Callable, Collection
from dataclasses import replace

from hypothesis import strategies as st

from builders import LOCATION
from heard.domain.ids import ModifierId, PriceLevelId, ProductId
from heard.domain.menu.model import (
    Availability,
    ComboComponent,
    Menu,
    MenuSection,
    Modifier,
    ModifierGroup,
    PriceRule,
    Product,
    ProductType,
)
from heard.domain.money import Cents

_names = st.sampled_from(["Soup", "Stew", "Tea"])
_cents = st.integers(0, 3).map(Cents)
_states = st.sampled_from(Availability)
_few = st.integers(0, 2)
_ways = st.lists(st.sampled_from(["pickup", "delivery", "dine_in", "curbside", "drone"]), max_size=2).map(tuple)
_levels = st.none() | st.sampled_from(["S", "L"]).map(PriceLevelId)
price_rules = st.lists(st.builds(PriceRule, _cents, _levels, st.none() | _names, _ways), max_size=2).map(tuple)


def modifiers(depth: int) -> st.SearchStrategy[Modifier]:
    ids = st.sampled_from(["HAM", "EGG", "DIP"]).map(ModifierId)
    return st.builds(Modifier, ids, _names, _cents, _states, groups(depth - 1) if depth else st.just(()), price_rules)


def groups(depth: int) -> st.SearchStrategy[tuple[ModifierGroup, ...]]:
    ids = st.sampled_from(["G1", "G2"])
    below = st.lists(modifiers(depth), max_size=2).map(tuple)
    return st.lists(st.builds(ModifierGroup, ids, _names, below, _few, st.none() | _few), max_size=2).map(tuple)


product_ids = st.sampled_from(["P1", "P2", "P3", "P4"]).map(ProductId)
components = st.builds(ComboComponent, _names, st.lists(product_ids, max_size=2).map(tuple), _few, _few)
products = st.builds(
    Product,
    product_ids,
    _names,
    _cents,
    _states,
    st.sampled_from(ProductType),
    st.none() | _names,
    st.none() | st.sampled_from(["food", "drink"]),
    st.lists(_names, max_size=2).map(tuple),
    st.none() | st.just("https://img.example/1.jpg"),
    groups(1),
    st.lists(components, max_size=2).map(tuple),
    price_rules,
)
sections = st.builds(MenuSection, st.sampled_from(["S1", "S2"]), _names, st.lists(products, max_size=3).map(tuple))
_tax = st.sampled_from(["7", "8.25", (("State", "6"), ("City", "2.25")), (("State", "7"),)])
_rates = st.lists(st.tuples(st.sampled_from(["food", "drink"]), _tax), max_size=2)
menus = st.builds(
    Menu,
    st.just(LOCATION),
    st.lists(sections, max_size=3).map(tuple),
    _rates.map(lambda rates: tuple(dict(rates).items())),
    st.none() | st.sampled_from(["USD", "EUR"]),
    st.none() | st.sampled_from(["1", "2"]),
)


def without_rules(menu: Menu) -> Menu:
    """The same menu where everything has its plain price alone."""
    return _changed(menu, lambda one: replace(one, prices=()), lambda one: replace(one, prices=()))


def repriced(menu: Menu, product_id: str, cents: int) -> Menu:
    """The same menu with another price wherever that product stands."""
    return _changed(menu, lambda one: replace(one, price=Cents(cents)) if one.id == product_id else one)


def without(menu: Menu, ids: Collection[str]) -> Menu:
    """The same menu where these cannot be had, as its POS would say it."""

    def state(one: Product | Modifier) -> Availability:
        had = one.id in ids and one.availability is Availability.AVAILABLE
        return Availability.UNAVAILABLE if had else one.availability

    return _changed(
        menu, lambda one: replace(one, availability=state(one)), lambda one: replace(one, availability=state(one))
    )


def _changed(
    menu: Menu, product: Callable[[Product], Product], modifier: Callable[[Modifier], Modifier] = lambda one: one
) -> Menu:
    """The same menu with each product and each modifier, however deep, changed so."""

    def below(groups: tuple[ModifierGroup, ...]) -> tuple[ModifierGroup, ...]:
        return tuple(
            replace(one, modifiers=tuple(replace(modifier(m), groups=below(m.groups)) for m in one.modifiers))
            for one in groups
        )

    return replace(
        menu,
        sections=tuple(
            replace(one, products=tuple(replace(product(p), groups=below(p.groups)) for p in one.products))
            for one in menu.sections
        ),
    )
