"""What a caller says it has and takes: If-None-Match and Accept-Encoding, as RFC 9110 has them."""

import re

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def has_it(if_none_match: str | None, *etags: str) -> bool:
    """Whether the caller has one of these already (quoted, strong). Compared weakly; `*` is any."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or not set(etags).isdisjoint(_TAG.findall(if_none_match))


def takes_gzip(accept_encoding: str | None) -> bool:
    """Whether the caller may be answered in gzip. Who says nothing is answered in plain."""
    weights = {}
    for part in (accept_encoding or "").split(","):
        coding, _, weight = part.partition(";")
        weights[coding.strip().lower()] = weight.replace(" ", "").lower()
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", "q=0")))
    return re.fullmatch(r"q=0(\.0*)?", weight) is None
