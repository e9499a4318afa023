"""The keys of the admin API: what a key may do. They look like Link's secrets (`hak_...`), and only hashes are kept."""

from collections.abc import Iterable
from typing import Final

from heard.domain.refusals import FieldError
from heard.protocols.strict_json import invalid_body

# What each lets one do.
SCOPES: Final = {
    "read": "See orders, stores, menus, marketplaces and applications",
    "orders": "Accept, reject, move and cancel orders, and have them worked on again",
    "stores": "Pause and resume stores, connect marketplaces to them, set their rules, hours and singular points",
    "menus": "Publish and withdraw menus, take items off them and put them back",
    "webhooks": "Send events again, disable and enable endpoints, try orders out at sandbox stores",
    "admin": "Add marketplaces, applications and webhook endpoints, make new secrets, and steer what each may do",
}


def read_scopes(wanted: Iterable[str]) -> tuple[str, ...]:
    """The scopes in their usual order. Raises Refused(invalid_body) for an unknown one, or none at all."""
    asked = set(wanted)
    unknown = sorted(asked - set(SCOPES))
    if unknown or not asked:
        text = f"{unknown[0][:40]!r} is no scope" if unknown else "name one scope at least"
        raise invalid_body(FieldError("$.scopes", "unknown_scope", f"{text}; there are {', '.join(SCOPES)}"))
    return tuple(scope for scope in SCOPES if scope in asked)
