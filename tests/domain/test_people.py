"""Roles, locks, logins and passwords of people who come into the console."""

from datetime import timedelta

import pytest

from heard import limits
from heard.domain.people import Role, lock_for, login_of, password_fault
from heard.protocols.admin.auth import SCOPES

IN_ORDER = [Role.VIEWER, Role.OPERATOR, Role.DEVELOPER, Role.ADMIN]


def test_each_role_may_do_what_those_before_it_may_and_more() -> None:
    for number, role in enumerate(IN_ORDER):
        assert [other for other in Role if role.covers(other)] == IN_ORDER[: number + 1]
        assert all(role.scopes > other.scopes for other in IN_ORDER[:number])


def test_between_them_the_roles_have_every_scope_of_the_admin_api_and_no_other() -> None:
    assert Role.ADMIN.scopes == set(SCOPES)
    assert Role.VIEWER.scopes == {"read"}
    assert "admin" not in Role.DEVELOPER.scopes


def test_a_lock_begins_after_the_free_tries_doubles_and_has_an_end() -> None:
    free = limits.LOGIN_FAILURES_FREE
    assert [lock_for(number) for number in range(free + 1)] == [None] * (free + 1)
    first = timedelta(seconds=limits.LOGIN_LOCK_FIRST_S)
    assert [lock_for(free + number) for number in (1, 2, 3)] == [first, first * 2, first * 4]
    assert lock_for(10**6) == timedelta(seconds=limits.LOGIN_LOCK_S_MAX)


@pytest.mark.parametrize(
    "text", ["", "a", "x" * 65, "two words", "ana\n", "ana\0", "\u0430na", "an\u00e4", "ana\u200d", "\uff41na", "<b>x"]
)
def test_what_could_be_taken_for_another_login_is_none(text: str) -> None:
    assert login_of(text) is None


def test_a_login_is_one_however_it_is_written() -> None:
    assert {login_of(text) for text in ("Ana@x.example", " ana@X.EXAMPLE ", "ANA@x.example")} == {"ana@x.example"}
    assert login_of("x" * 64) == "x" * 64


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        ("three blind mice", True),
        ("жили-были кот и пёс", True),
        ("x" * 9, False),
        ("abcabcabca", False),
        ("ana@x.example", False),
        ("ANA@X.EXAMPLE", False),
        ("abcd" * 50, True),
        ("abcd" * 50 + "e", False),
    ],
)
def test_a_password_is_taken_for_its_length(password: str, taken: bool) -> None:
    assert (password_fault(password, "ana@x.example") is None) is taken
