"""How a command steers a hub: over its admin API, wherever the hub is. What only a database needs is in running.py."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heard import limits
from heard.cli.output import fail
from heard.cli.running import house, read_config
from heard.clients.admin import AdminClient, AdminError
from heard.config import Config, ConfigError

# Codes that say something about the hub, or whatever stands at its address, and not about what was asked.
_OF_THE_HUB = frozenset({"unreachable", "no_answer", "bad_answer", "not_found", "unavailable", "internal_error"})
_OF_THE_KEY = frozenset({"invalid_token", "insufficient_scope", "organization_mismatch"})


@asynccontextmanager
async def office() -> AsyncIterator[AdminClient]:
    """A client of the hub at HEARD_HUB_URL, with the key in HEARD_ADMIN_KEY; without an address, of the hub in this
    process, on this machine's database, whose operator needs no key. What goes wrong ends the process with one line.
    """
    config = read_config()
    url: str | None = config.get("hub.url")
    try:
        async with _abroad(config, url) if url is not None else _at_home(config) as hub:
            yield hub
    except AdminError as error:
        raise fail(_said(error, url)) from None


@asynccontextmanager
async def _abroad(config: Config, url: str) -> AsyncIterator[AdminClient]:
    key: str | None = config.get("admin.key")
    if key is None:
        raise ConfigError("HEARD_ADMIN_KEY: is needed with HEARD_HUB_URL; `heard keys add` makes one where the hub is")
    async with AdminClient(url, key, timeout_s=limits.COMMAND_CALL_S) as hub:
        yield hub


@asynccontextmanager
async def _at_home(config: Config) -> AsyncIterator[AdminClient]:
    from heard.http.app import make_office  # a hub elsewhere needs no server's half
    from heard.net.in_process import InProcess

    async with house(config) as opened:
        app = InProcess(make_office(opened.hub))
        yield AdminClient("http://here", None, timeout_s=limits.COMMAND_CALL_S, carrier=app)


def _said(error: AdminError, url: str | None) -> str:
    """What an operator can do something about, in one line."""
    text = error.detail
    if error.code == "invalid_token":
        text = "the hub does not take it: it is wrong, expired or revoked"
    if error.unsure:
        text = f"{text}; it may have been carried out: look before you ask again"
    if (error.status or 0) >= 500 and error.request_id:
        text = f"{text} (request {error.request_id})"
    if url is None:
        return text
    if error.code in _OF_THE_KEY:
        return f"HEARD_ADMIN_KEY: {text}"
    if error.code in _OF_THE_HUB or error.code.startswith("http_"):
        return f"HEARD_HUB_URL: {url}: {text}"
    return text
