"""Addresses that the hub may be told to call."""

import pytest

from heard.protocols.addresses import is_web_address


@pytest.mark.parametrize(
    "text",
    [
        "https://nosh.example/heard",
        "http://127.0.0.1:9400/",
        "http://[::1]:9400/heard?a=b",
        "http://localhost.",
        "https://xn--mnchen-3ya.example/",
        "HTTPS://my_pos.example:65535",
    ],
)
def test_a_web_address_has_a_host_and_perhaps_a_port(text: str) -> None:
    assert is_web_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nosh.example",
        "ftp://nosh.example/",
        "http://",
        "http:///heard",
        "http://:80/",
        "http://a b/",
        "http://nosh.example/a b",
        "https://nosh.example/\n",
        "ht\ttps://nosh.example/",
        "http://ex%0d%0aample/",
        "http://[fe80::1%25eth0]/",
        "http://[/",
        "http://user:word@nosh.example/",
        "http://user@nosh.example/",
        "http://@nosh.example/",
        "https://nosh.example:0/",
        "https://nosh.example:99999/",
        "https://nosh.example:x/",
        "https://nosh.example/#here",
        "https://münchen.example/",
        "https://nosh.example/\x00",
    ],
)
def test_what_is_none_or_could_be_read_in_two_ways_is_refused(text: str) -> None:
    assert not is_web_address(text)
