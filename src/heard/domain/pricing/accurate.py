"""A priced cart with the tax that a POS computed in place of the estimate.

A POS states one number for the whole order: it is spread over the lines as the estimate was, so that everything still
adds up. The POS's own shares are not known; each line's is ours.
"""

from collections.abc import Sequence

from heard.domain.money import Cents
from heard.domain.pricing.allocate import spread
from heard.domain.pricing.price import by_rate
from heard.domain.pricing.priced import Priced, PricedComponent, PricedLine, PricedTax

POS_TAX = "POS"  # the name of a tax that only the POS knows of


def with_tax(priced: Priced, tax: Cents) -> Priced:
    """The cart at this tax. Where prices have the tax in them, nothing changes: the POS adds none.

    Needs a tax of zero and more (ValueError), and a line.
    """
    if priced.rules.inclusive or tax == priced.tax_total:
        return priced
    step = priced.currency.step
    shares = spread(tax, _weights([line.tax for line in priced.lines], [line.taxable for line in priced.lines]), step)
    lines = tuple([_line(line, share, step) for line, share in zip(priced.lines, shares, strict=True)])
    return priced._replace(
        lines=lines,
        taxes=by_rate([one for line in lines for one in line.taxes]),
        tax_total=tax,
        total=Cents(priced.total - priced.tax_total + tax),
    )


def _weights(estimates: Sequence[Cents], bases: Sequence[Cents]) -> list[Cents]:
    """As the estimate was spread; where nothing was estimated, by what is left to pay; else alike."""
    if any(estimates):
        return list(estimates)
    return list(bases) if any(bases) else [Cents(1)] * len(bases)


def _line(line: PricedLine, tax: Cents, step: int) -> PricedLine:
    if not line.components:
        return line._replace(
            taxes=_taxes(line.taxes, line.taxable, tax, step), tax=tax, total=Cents(line.taxable + tax)
        )
    parts = line.components
    shares = spread(tax, _weights([part.tax for part in parts], [part.taxable for part in parts]), step)
    components = tuple([_component(part, share, step) for part, share in zip(parts, shares, strict=True)])
    return line._replace(
        components=components,
        taxes=by_rate([one for part in components for one in part.taxes]),
        tax=tax,
        total=Cents(line.taxable + tax),
    )


def _component(part: PricedComponent, tax: Cents, step: int) -> PricedComponent:
    return part._replace(taxes=_taxes(part.taxes, part.taxable, tax, step), tax=tax, total=Cents(part.taxable + tax))


def _taxes(estimated: tuple[PricedTax, ...], base: Cents, tax: Cents, step: int) -> tuple[PricedTax, ...]:
    """Over the taxes there are, by their estimates; one of the POS's own where there are none."""
    if not any(one.amount for one in estimated):
        return (PricedTax(POS_TAX, 0, base, tax),) if tax else estimated
    shares = spread(tax, [one.amount for one in estimated], step)
    return tuple([one._replace(amount=share) for one, share in zip(estimated, shares, strict=True)])
