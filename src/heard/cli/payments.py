"""`heard payments`: who holds the guests' money of a brand."""

import os
import sys
from getpass import getpass
from pathlib import Path

from cyclopts import App

from heard import limits
from heard.cli.arguments import ApiJson
from heard.cli.office import office
from heard.cli.output import console, fail, print_json
from heard.cli.running import run
from heard.clients.admin import operations as call
from heard.clients.admin import wire
from heard.domain.payments import ProviderKind
from heard.protocols.addresses import is_web_address

app = App(name="payments", help="Who holds the guests' money of a brand: set it, show it.")

_PROVIDERS = (*ProviderKind, "none")


@app.command
def provider(
    organization: str,
    kind: str,
    *,
    secret_file: Path | None = None,
    secret_env: str | None = None,
    url: str | None = None,
    json: ApiJson = False,
) -> None:
    """Set who holds the money of payments that begin from now on; those that were begun stay where they are.

    Stripe's secret key is read from a file, from the environment, or asked for: never given as an argument, which
    others could read. It is kept until another one takes its place: what was paid through Stripe is given back there.

    For example:

        heard payments provider acme stripe --secret-file stripe.key

    Parameters
    ----------
    organization
        The brand.
    kind
        test (built in, no real money), stripe, or none: no payment begins.
    secret_file
        A file with Stripe's secret key and nothing else.
    secret_env
        The environment variable that holds Stripe's secret key.
    url
        Where Stripe is, if not at https://api.stripe.com.
    """
    if kind not in _PROVIDERS:
        raise fail(f"KIND: {kind!r} is none of {', '.join(_PROVIDERS)}")
    if secret_file is not None and secret_env is not None:
        raise fail("--secret-env: give it or --secret-file, not both")
    if kind != ProviderKind.STRIPE and (secret_file or secret_env or url):
        raise fail(f"KIND: {kind} has no secret and no address; they are for stripe")
    if url is not None and not is_web_address(url):
        raise fail(f"--url: {url!r} is not an address such as https://api.stripe.com")
    secret = _read_secret(secret_file, secret_env) if kind == ProviderKind.STRIPE else None
    run(_set(wire.SetProvider(provider=kind, secret=secret, url=url, organization_id=organization), json))


@app.command
def show(*, organization: str | None = None, json: ApiJson = False) -> None:
    """Show who holds the money; a secret is never shown again.

    For example:

        heard payments show --organization acme --json

    Parameters
    ----------
    organization
        The brand; not needed while there is only one.
    """
    run(_show(organization, json))


def _read_secret(file: Path | None, variable: str | None) -> str | None:
    """None: nobody is there to be asked, and the one that the hub has stays."""
    if file is not None:
        try:
            with file.open(encoding="ascii") as opened:
                return opened.read(limits.TEXT_MAX + 1).strip() or _no_secret(f"--secret-file: {file} is empty")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text in ASCII"
            raise fail(f"--secret-file: {file} cannot be read: {reason}") from None
    if variable is not None:
        return os.environ.get(variable) or _no_secret(f"--secret-env: the environment variable {variable} is not set")
    if not sys.stdin.isatty():
        return None
    return getpass("Stripe's secret key (not shown; nothing: the one that is there): ") or None


def _no_secret(text: str) -> str:
    raise fail(text)


async def _set(wish: wire.SetProvider, json: bool) -> None:
    async with office() as hub:
        settings = await hub.call(call.SET_PROVIDER, wish)
    _print(settings, json)


async def _show(organization: str | None, json: bool) -> None:
    async with office() as hub:
        settings = await hub.call(call.READ_PROVIDER, organization_id=organization)
    _print(settings, json)


def _print(settings: wire.PaymentProvider, json: bool) -> None:
    if json:
        print_json(settings)
        return
    if settings.provider is None:
        console.print(f"{settings.organization_id} takes no payments; see: heard payments provider --help")
        return
    at = f" at {settings.url}" if settings.url and settings.provider == ProviderKind.STRIPE else ""
    console.print(f"{settings.organization_id}: payments through {settings.provider}{at}.")
