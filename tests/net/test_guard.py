"""Which addresses may be called: the public ones, and those that an operator allows."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard.net.guard import AddressGuard, AddressRefused

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
    "64:ff9b::e000:1",
    "64:ff9b:1::7f00:1",
    "2002:a9fe:a9fe::",
    "2002:c0a8:101::1",
    "2001::1",
    "::7f00:1",
    "::ffff:0:7f00:1",
    "fec0::1",
    "fe80::1%1",
    "ff0e::1",
    "100::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
    "192.0.0.8",
    "192.88.99.1",
    "198.51.100.1",
    "203.0.113.1",
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


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "1.1.1.1/32", "1.1.1.1:80"])
def test_what_is_no_address_is_never_let_through(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        AddressGuard(["0.0.0.0/0"]).check(text)


def test_a_refusal_names_the_address_and_the_setting() -> None:
    with pytest.raises(AddressRefused, match=r"^10\.0\.0\.1 is not .*outbound\.allow"):
        AddressGuard().check("::ffff:10.0.0.1")


@given(st.ip_addresses(v=6))
def test_outside_of_what_was_ever_given_out_no_address_is_public(address: IPv6Address) -> None:
    given_out = address in IPv6Network("2000::/3") or address in IPv6Network("64:ff9b::/96") or address.ipv4_mapped
    if not given_out:
        with pytest.raises(AddressRefused):
            AddressGuard().check(str(address))


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
def test_wrapping_an_address_in_ipv6_changes_nothing(address: IPv4Address) -> None:
    def may(text: str) -> bool:
        try:
            AddressGuard().check(text)
        except AddressRefused:
            return False
        return True

    number = int(address)
    bare = may(str(address))
    assert may(f"::ffff:{address}") == bare
    assert may(str(IPv6Address((0x64FF9B << 96) | number))) == bare
    assert may(str(IPv6Address((0x2002 << 112) | (number << 80)))) == bare


def test_a_refusal_names_the_setting_of_whoever_reads_it() -> None:
    with pytest.raises(AddressRefused, match="see the setting HEARD_POS_ALLOW"):
        AddressGuard((), "HEARD_POS_ALLOW").check("10.0.0.1")
