"""A POS's numbers beside the hub's: whatever differs is shown, and the store's tolerance decides."""

from dataclasses import replace

from builders import a_content, a_line
from heard.domain.ids import ModifierId, ProductId
from heard.domain.money import Cents
from heard.domain.order.content import LineModifier, OrderContent
from heard.domain.pos import ItemType, PosItem, PosTotals
from heard.domain.pos_totals import PosComputed, PosDifference, compare, within

BURGER = a_line(
    product_id=ProductId("burger"),
    quantity=2,
    unit_price=Cents(1000),
    modifiers=(LineModifier(ModifierId("bacon"), "Bacon", 2, Cents(150)),),
)
COLA = a_line(product_id=ProductId("cola"), unit_price=Cents(300), modifiers=())
CONTENT = a_content("N-1", BURGER, COLA, tax=207)


def totals_of(content: OrderContent, **changes: int) -> PosTotals:
    stated = content.totals
    values = {
        "subtotal": stated.subtotal,
        "discount_total": stated.discount,
        "tax": stated.tax,
        "tip": stated.tip,
        "fees": stated.delivery_fee,
        "grand_total": stated.total,
    }
    return PosTotals(**{name: Cents(changes.get(name, value)) for name, value in values.items()})


def echo(price: int = 1000, bacon: int = 150, cola: int = 300) -> tuple[PosItem, ...]:
    choice = PosItem("bacon", "bacon", ItemType.MODIFIER, 2, Cents(bacon))
    share = PosItem("discount", "Discount", ItemType.DISCOUNT, 1, Cents(50))
    burger = PosItem("burger", "burger", ItemType.ITEM, 2, Cents(price), menu_items=(choice, share))
    memo = PosItem("memo", "no onions", ItemType.MEMO, 1, Cents(0))
    return burger, memo, PosItem("cola", "cola", ItemType.ITEM, 1, Cents(cola))


def test_a_pos_that_agrees_differs_nowhere_whatever_tax_it_computes() -> None:
    total = CONTENT.totals.total - CONTENT.totals.tax + 999
    computed = PosComputed(totals_of(CONTENT, tax=999, grand_total=total), echo())
    assert compare(CONTENT.lines, CONTENT.totals, computed, tax_included=False) == ()


def test_a_line_that_the_pos_sells_for_more_is_named_with_both_numbers() -> None:
    more = CONTENT.totals.subtotal + 40
    computed = PosComputed(totals_of(CONTENT, subtotal=more, grand_total=CONTENT.totals.total + 40), echo(bacon=160))
    found = compare(CONTENT.lines, CONTENT.totals, computed, tax_included=False)
    assert found[0] == PosDifference("line", Cents(2600), Cents(2640), 0)
    assert [one.name for one in found] == ["line", "subtotal", "total_before_tax"]
    assert within(found, Cents(40))
    assert not within(found, Cents(39))


def test_lines_that_cancel_each_other_out_are_still_shown() -> None:
    computed = PosComputed(totals_of(CONTENT), echo(price=900, cola=500))
    assert compare(CONTENT.lines, CONTENT.totals, computed, tax_included=False) == (
        PosDifference("line", Cents(2600), Cents(2400), 0),
        PosDifference("line", Cents(300), Cents(500), 1),
    )


def test_a_pos_that_echoes_no_lines_is_compared_by_its_totals() -> None:
    computed = PosComputed(totals_of(CONTENT, discount_total=100))
    assert compare(CONTENT.lines, CONTENT.totals, computed, tax_included=False) == (
        PosDifference("discount_total", Cents(0), Cents(100)),
    )


def test_lines_that_the_pos_names_otherwise_are_compared_by_the_totals_alone() -> None:
    items = tuple(replace(one, id=ProductId(f"pos-{one.id}")) for one in echo(price=1))
    assert compare(CONTENT.lines, CONTENT.totals, PosComputed(totals_of(CONTENT), items), tax_included=False) == ()


def test_where_prices_have_the_tax_in_them_the_total_is_the_same_with_it() -> None:
    included = a_content("N-2", BURGER, COLA, tax=0)
    total = included.totals.total

    def differing(**stated: int) -> list[str]:
        computed = PosComputed(totals_of(included, **stated))
        return [one.name for one in compare(included.lines, included.totals, computed, tax_included=True)]

    assert differing(tax=0) == differing(tax=211) == []
    assert differing(tax=211, grand_total=total + 211) == ["total"]
