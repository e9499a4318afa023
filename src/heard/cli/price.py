"""`heard price`: what a cart costs, and how each cent of it came about."""

from heard import limits
from heard.cli.arguments import Json
from heard.cli.arithmetic import print_arithmetic
from heard.cli.output import fail, print_json
from heard.cli.sign import FileOrStdin, read_input
from heard.domain.pricing.proof import prove
from heard.domain.refusals import Refused
from heard.protocols.carts import as_data, price_file


def price(cart: FileOrStdin, /, *, json: Json = False) -> None:
    """Price a cart and show its arithmetic: each line, its share of the discount, each tax, and who got the odd cents.

    Amounts are whole cents, rates percent as text. Before it is shown the result is added up again by other code.

    For example:

        heard price cart.json

        echo '{"currency": "USD", "discount": 100, "lines": [
          {"name": "Burger", "quantity": 2, "unit_price": 999, "taxes": [{"name": "Sales tax", "rate": "8.25"}],
           "modifiers": [{"name": "Cheese", "unit_price": 75}]},
          {"name": "Lunch", "unit_price": 1200, "components": [
            {"name": "Soup", "list_price": 800, "taxes": [{"name": "Sales tax", "rate": "8.25"}]},
            {"name": "Bread", "list_price": 500}]}]}' | heard price -

    Parameters
    ----------
    cart
        A cart file; - reads stdin. Its members: docs/reference/carts.md.
    json
        Print one JSON document: {"lines": [...], "taxes": [...], "subtotal", "discount_total", "total", ...}.

    """
    raw = read_input(cart, limits.BODY_BYTES_MAX)
    try:
        priced = price_file(raw)
    except Refused as refused:
        said = [f"{fault.path}: {fault.message}" for fault in refused.errors] or [refused.detail]
        told = [fail(f"{cart}: {one}") for one in said]
        raise told[-1] from None
    prove(priced)
    if json:
        print_json(as_data(priced))
    else:
        print_arithmetic(as_data(priced), "Cart")
