"""Where a hub is, as whoever makes a client of one says."""

from urllib.parse import urlsplit


def hub_address(url: str, base: str) -> str:
    """The hub's own address, also out of one that ends with `base`. Raises ValueError for what is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url: {url[:80]!r} is no address such as https://hub.example")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("url: give the hub's address alone, without a user, a query or a fragment")
    return url.rstrip("/").removesuffix(base)
