"""What the arguments of several commands have in common."""

from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter, validators

from heard import limits

Json = Annotated[bool, Parameter(negative="")]
Page = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=limits.PAGE_MAX))]


def is_web_address(text: str) -> bool:
    """Whether it is an http or https address with a host and without a name or password in it."""
    try:
        parts = urlsplit(text)
    except ValueError:  # such as half a bracket
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
