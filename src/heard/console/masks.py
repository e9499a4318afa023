"""What an event says, without what is nobody's business at a screen: guests' names, numbers and addresses. Pure."""

from collections.abc import Mapping
from typing import Any, Final

_MASK: Final = "•••"
_GUESTS: Final = frozenset(
    {"customer", "customer_info", "guest", "recipient", "contact", "address", "delivery_address", "courier"}
)
_PERSONAL: Final = frozenset(
    {"phone", "phone_number", "email", "first_name", "last_name", "full_name", "customer_name", "guest_name", "street"}
)


def masked(body: Any, *, whole: bool = False) -> Any:
    """The same with every text and number about a guest replaced; `whole`: all of it is about one.

    >>> masked({"customer": {"name": "Ada"}, "items": [{"name": "Soup"}], "phone": "0123"})
    {'customer': {'name': '•••'}, 'items': [{'name': 'Soup'}], 'phone': '•••'}
    """
    if isinstance(body, Mapping):
        return {
            name: masked(value, whole=whole or name.casefold() in _GUESTS or name.casefold() in _PERSONAL)
            for name, value in body.items()
        }
    if isinstance(body, list):
        return [masked(one, whole=whole) for one in body]
    return _MASK if whole and body is not None and not isinstance(body, bool) else body
