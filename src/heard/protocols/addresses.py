"""What counts as an address that the hub may be told to call. Where it leads is checked when it is called."""

import re
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def is_web_address(text: str) -> bool:
    """Whether it is an http or https address with a host and without a name, a password or a fragment in it.

    Blanks and what cannot be seen are refused: parsers skip some of them, and would call what nobody wrote.
    """
    if not all("!" <= one <= "~" for one in text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # such as half a bracket
        return False
    host = parts.netloc if parts.port is None else parts.netloc.rpartition(":")[0]
    return parts.scheme in ("http", "https") and bool(_HOST.fullmatch(host)) and port != 0 and not parts.fragment
