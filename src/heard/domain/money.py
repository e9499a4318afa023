"""Money is whole cents: 1/100 of the major unit for every currency (10 JPY = 1000). No float touches it.

Source: the Ordering API's documentation counts every currency so; the smallest payable step is ours.
"""

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from typing import NewType

Cents = NewType("Cents", int)

_EXACT = Context(prec=80, traps=[Inexact])  # more digits than any decoder lets through; never rounds in silence

MAX_CENTS = Cents(10**11)  # a billion major units: beyond any order, far below any integer column

# ISO 4217. Our reading: three-decimal currencies are refused, since a cent cannot express their smallest coin.
_NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
_THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_TWO_DECIMALS = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
    HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP
    MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS
    VES WST XCD YER ZAR ZMW ZWG""".split()
)


class MoneyError(ValueError):
    """An amount or a currency that cannot be whole cents; the text says why and names the amount."""


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency and its smallest payable step in cents (USD 1, JPY 100)."""

    code: str
    step: int


def currency(code: str) -> Currency:
    """The currency of an ISO 4217 code. Raises MoneyError for an unknown or a three-decimal one."""
    if code in _TWO_DECIMALS:
        return Currency(code, 1)
    if code in _NO_DECIMALS:
        return Currency(code, 100)
    if code in _THREE_DECIMALS:
        raise MoneyError(f"{code} has three decimals and cannot be counted in cents")
    raise MoneyError(f"{code!r} is not an ISO 4217 currency code such as USD")


def cents_from_decimal(amount: Decimal) -> Cents:
    """Exact cents of a decimal in major units (12.99 -> 1299).

    Raises MoneyError for more than two decimals, NaN, infinities and amounts beyond MAX_CENTS.
    """
    if not amount.is_finite():
        raise MoneyError(f"{amount} is not an amount")
    if amount.adjusted() > 12:
        raise MoneyError("the amount is too large")
    try:
        cents = int(_EXACT.to_integral_exact(_EXACT.scaleb(amount, 2)))
    except Inexact:
        raise MoneyError(f"{amount} has more than two decimals") from None
    if abs(cents) > MAX_CENTS:
        raise MoneyError("the amount is too large")
    return Cents(cents)


def decimal_from_cents(cents: Cents) -> Decimal:
    """Major units with two decimals (1299 -> 12.99)."""
    return Decimal(cents).scaleb(-2).quantize(Decimal("0.01"))
