"""What a token of the Ordering API may be good for, and where a call carries it.

Source: the Ordering API's documentation for the headers and the scopes; that Authorization is taken too is our reading.
"""

from typing import Final

from heard.protocols.credentials import bearer_token

ORDER: Final = "order"
WEBHOOKS: Final = "webhooks-management"
SCOPES: Final = (ORDER, WEBHOOKS)


def stated_token(own_header: str | None, authorization: str | None) -> str | None:
    """The token of X-API-Authorization, or else of Authorization; None when there is none. Raises Refused."""
    stated = own_header if own_header is not None else authorization
    return None if stated is None else bearer_token(stated)
