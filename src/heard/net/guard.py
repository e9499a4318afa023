"""Which addresses calls may go to. Pure: the caller resolves names and connects to what was checked here."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that was ever given out; the rest only carries or translates
# What Python 3.11 takes for public and is not: protocol assignments, the old 6to4 relays, documentation.
_NOT_PUBLIC = tuple(ip_network(network) for network in ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20"))


class AddressRefused(Exception):
    """An address that calls may not go to; the text names it."""


class AddressGuard:
    """Refuses private, loopback, link-local, multicast, reserved and metadata addresses unless allowed by network."""

    def __init__(self, allowed: Sequence[str] = (), setting: str = "outbound.allow") -> None:
        """`setting`: where whoever reads a refusal may allow a network."""
        self._setting = setting
        self._allowed = tuple(ip_network(network) for network in allowed)

    def check(self, text: str) -> None:
        """Raises AddressRefused for an IP address that calls may not go to, however it is wrapped in IPv6."""
        address = _unwrap(ip_address(text))
        if _is_public(address):
            return
        if any(address.version == network.version and address in network for network in self._allowed):
            return
        raise AddressRefused(f"{address} is not a public address (see the setting {self._setting})")

    def choose(self, addresses: Sequence[str]) -> str:
        """The first of a name's addresses, if every one of them may be called. Raises AddressRefused."""
        if not addresses:
            raise AddressRefused("the name has no address")
        for address in addresses:
            self.check(address)
        return addresses[0]


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    known = any(address.version == network.version and address in network for network in _NOT_PUBLIC)
    return address.is_global and not address.is_multicast and not known


def _unwrap(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv6 one that only carries it."""
    if isinstance(address, IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour
        if carried is None and address in _NAT64:
            carried = IPv4Address(int(address) & 0xFFFFFFFF)
        return carried or address
    return address
