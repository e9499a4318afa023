"""Which addresses may be called: the public ones, and those that an operator allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard.work.guard import AddressGuard, AddressRefused

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard().check(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_a_public_address_may_be_called(address: str) -> None:
    AddressGuard().check(address)


def test_an_allowed_network_may_be_called_and_no_other() -> None:
    guard = AddressGuard(["10.1.0.0/16", "::1/128"])
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "::1"):
        guard.check(address)
    for address in ("10.2.0.1", "127.0.0.1"):
        with pytest.raises(AddressRefused):
            guard.check(address)


def test_one_private_address_among_several_refuses_the_name() -> None:
    with pytest.raises(AddressRefused):
        AddressGuard().choose(["1.1.1.1", "10.0.0.1"])
    with pytest.raises(AddressRefused):
        AddressGuard().choose([])
    assert AddressGuard().choose(["1.1.1.1", "8.8.8.8"]) == "1.1.1.1"


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_in_ipv6_changes_nothing(address: object) -> None:
    def may(text: str) -> bool:
        try:
            AddressGuard().check(text)
        except AddressRefused:
            return False
        return True

    assert may(str(address)) == may(f"::ffff:{address}")
