"""People of the console: their roles, what each role may do, and when a login is locked."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from heard import limits

EVERYTHING: Final = "*"  # the organization of who may see all there are


class Role(StrEnum):
    """Each may do what those before it may, and more."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    DEVELOPER = "developer"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return _RANKS[self]

    def covers(self, other: "Role") -> bool:
        """Whether it may do all that another may."""
        return self.rank >= other.rank

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes of the admin API that it has."""
        return frozenset(scope for role, scopes in _SCOPES.items() if self.covers(role) for scope in scopes)


_RANKS: Final = {role: number for number, role in enumerate(Role)}
_SCOPES: Final = {
    Role.VIEWER: ("read",),
    Role.OPERATOR: ("orders", "stores", "menus"),
    Role.DEVELOPER: ("webhooks",),
    Role.ADMIN: ("admin",),
}


def lock_for(failures: int) -> timedelta | None:
    """How long a login stays locked after so many wrong passwords in a row; None: it is not.

    >>> lock_for(limits.LOGIN_FAILURES_FREE), lock_for(limits.LOGIN_FAILURES_FREE + 1)
    (None, datetime.timedelta(seconds=30))
    """
    over = failures - limits.LOGIN_FAILURES_FREE
    if over <= 0:
        return None
    return timedelta(seconds=min(limits.LOGIN_LOCK_S_MAX, limits.LOGIN_LOCK_FIRST_S * 2 ** min(over - 1, 20)))


def password_fault(password: str, login: str) -> str | None:
    """Why a password is not taken; None: it is. Length is what counts, so nothing else is asked for."""
    if len(password) < limits.PASSWORD_LENGTH_MIN:
        return f"needs {limits.PASSWORD_LENGTH_MIN} characters at least"
    if len(password) > limits.PASSWORD_LENGTH_MAX:
        return f"has {limits.PASSWORD_LENGTH_MAX} characters at most"
    if password.casefold() == login.casefold() or len(set(password)) < 4:
        return "is too easy to guess"
    return None


def login_of(text: str) -> str | None:
    """A login as it is kept; None where the text can be nobody's: 2 to 64 of a to z, digits and . _ - + @.

    Of no other alphabet: two logins that look alike would be two people, and the list of who did what could not be
    believed.

    >>> login_of(" Ana@Example.com "), login_of("two words"), login_of("\u0430na")
    ('ana@example.com', None, None)
    """
    login = text.strip(" ").lower()
    known = login.isascii() and all(one.isalnum() or one in "._-+@" for one in login)
    return login if known and 2 <= len(login) <= 64 else None
