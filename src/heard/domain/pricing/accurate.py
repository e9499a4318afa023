"""A priced cart with the tax that a POS computed in place of the estimate.

A POS states one number for the whole order: it is spread over the lines as the estimate was, so that everything still
adds up. The POS's own shares are not known; each line's is ours.
"""

from collections.abc import Sequence

from heard.domain.money import Cents
from heard.domain.pricing.allocate import allocate, spread
from heard.domain.pricing.price import by_rate
from heard.domain.pricing.priced import Priced, PricedComponent, PricedLine, PricedTax

POS_TAX = "POS"  # the name of a tax that only the POS knows of


def says_tax(priced: Priced, tax: Cents) -> bool:
    """Whether a tax that a POS states is this cart's. Where prices have it in them, a POS need not tell it again (and
    says 0), and what exceeds all that is paid is not in it.
    """
    return not priced.rules.inclusive or 0 < tax <= sum([line.taxable for line in priced.lines])


def with_tax(priced: Priced, tax: Cents) -> Priced:
    """The cart at a tax that it may have (`says_tax`): added to it, or known to be in its prices.

    Needs a tax of zero and more (ValueError), and a line.
    """
    if tax == priced.tax_total:
        return priced
    inclusive, step = priced.rules.inclusive, priced.currency.step
    shares = _shares(tax, priced.lines, inclusive, step)
    lines = tuple([_line(line, share, inclusive, step) for line, share in zip(priced.lines, shares, strict=True)])
    return priced._replace(
        lines=lines,
        taxes=by_rate([one for line in lines for one in line.taxes]),
        tax_total=tax,
        total=priced.total if inclusive else Cents(priced.total - priced.tax_total + tax),
    )


def _shares(
    tax: Cents, pieces: Sequence[PricedLine] | Sequence[PricedComponent], inclusive: bool, step: int
) -> Sequence[Cents]:
    """As the estimate was spread; where nothing was estimated, or that would not fit into a price, by what is left to
    pay; else alike.
    """
    estimates, bases = [piece.tax for piece in pieces], [piece.taxable for piece in pieces]
    if any(estimates):
        shares = spread(tax, estimates, step)
        if not inclusive or all(share <= base for share, base in zip(shares, bases, strict=True)):
            return shares
    if inclusive:
        return allocate(tax, bases, step)
    return spread(tax, bases if any(bases) else [1] * len(bases), step)


def _line(line: PricedLine, tax: Cents, inclusive: bool, step: int) -> PricedLine:
    total = line.taxable if inclusive else Cents(line.taxable + tax)
    if not line.components:
        return line._replace(taxes=_taxes(line.taxes, line.taxable, tax, step), tax=tax, total=total)
    shares = _shares(tax, line.components, inclusive, step)
    parts = zip(line.components, shares, strict=True)
    components = tuple([_component(part, share, inclusive, step) for part, share in parts])
    return line._replace(
        components=components, taxes=by_rate([one for part in components for one in part.taxes]), tax=tax, total=total
    )


def _component(part: PricedComponent, tax: Cents, inclusive: bool, step: int) -> PricedComponent:
    total = part.taxable if inclusive else Cents(part.taxable + tax)
    return part._replace(taxes=_taxes(part.taxes, part.taxable, tax, step), tax=tax, total=total)


def _taxes(estimated: tuple[PricedTax, ...], base: Cents, tax: Cents, step: int) -> tuple[PricedTax, ...]:
    """Over the taxes there are, by their estimates; one of the POS's own where there are none."""
    if not any(one.amount for one in estimated):
        return (PricedTax(POS_TAX, 0, base, tax),) if tax else estimated
    shares = spread(tax, [one.amount for one in estimated], step)
    return tuple([one._replace(amount=share) for one, share in zip(estimated, shares, strict=True)])
