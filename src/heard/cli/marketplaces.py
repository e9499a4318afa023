"""`heard marketplaces`: who sends orders through Link."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import App

from heard import limits
from heard.cli.arguments import ApiJson, Marketplace, Page, whole
from heard.cli.office import office
from heard.cli.output import console, fail, print_json, print_rows, row_of, when
from heard.cli.running import read_config, run
from heard.clients.admin import operations as call
from heard.clients.admin import wire
from heard.protocols.addresses import is_web_address
from heard.protocols.admin.operation import Operation
from heard.protocols.link.auth import SCOPES

app = App(name="marketplaces", help="Who sends orders through Link: add one, list them, steer what they may do.")


@app.command
def add(name: str, *, webhook_url: str, organization: str | None = None, json: ApiJson = False) -> None:
    """Add a marketplace; prints its client id, client secret and webhook secret, this once.

    For example:

        heard marketplaces add nosh --webhook-url https://nosh.example/heard

    Parameters
    ----------
    name
        What people call it.
    webhook_url
        Where it wants to be told about its orders.
    organization
        The brand it sells for; not needed while there is only one.
    """
    if not is_web_address(webhook_url):
        raise fail(f"--webhook-url: {webhook_url!r} is not an address such as https://nosh.example/heard")
    run(_add(name, webhook_url, organization, json))


@app.command(name="list")
def list_(*, limit: Page = 100, after: str | None = None, json: ApiJson = False) -> None:
    """List the marketplaces; their secrets are never shown again.

    For example:

        heard marketplaces list --json

    Parameters
    ----------
    after
        The `next` of the page before this one: the id of its last marketplace.
    """
    run(_list(limit, after, json))


@app.command
def rotate_secret(
    name: Marketplace,
    *,
    keep_old_hours: Annotated[int, whole(0, limits.OLD_SECRET_HOURS_MAX)] = 24,
    json: ApiJson = False,
) -> None:
    """Give a marketplace a new client secret, shown this once; the old one stays good for a while.

    Its tokens stay good as well: `heard marketplaces revoke-tokens` ends those.

    For example:

        heard marketplaces rotate-secret nosh --keep-old-hours 48

    Parameters
    ----------
    keep_old_hours
        Hours for which the old secret is good too; 0 when it has leaked.
    """
    run(rotated(call.ROTATE_SECRET, keep_old_hours, json, marketplace_id=name))


@app.command
def revoke_tokens(name: Marketplace, *, json: ApiJson = False) -> None:
    """End every access token of a marketplace at once; it may ask for new ones.

    For example:

        heard marketplaces revoke-tokens nosh
    """
    run(revoked(call.REVOKE_TOKENS, json, marketplace_id=name))


@app.command
def disable(name: Marketplace, *, json: ApiJson = False) -> None:
    """Refuse every call of a marketplace from now on; its orders go on, and it still hears of them.

    For example:

        heard marketplaces disable nosh
    """
    run(let_in(call.DISABLE_MARKETPLACE, json, marketplace_id=name))


@app.command
def enable(name: Marketplace, *, json: ApiJson = False) -> None:
    """Let a marketplace in again; it asks for a new token with the secret it has.

    For example:

        heard marketplaces enable nosh
    """
    run(let_in(call.ENABLE_MARKETPLACE, json, marketplace_id=name))


@app.command
def scopes(name: Marketplace, allowed: str, *, json: ApiJson = False) -> None:
    """Set what a marketplace may do, with the tokens it has too.

    For example:

        heard marketplaces scopes nosh orders,menus

    Parameters
    ----------
    allowed
        Of orders, menus, stores and events, those it may have, separated by commas.
    """
    run(scoped(call.SET_SCOPES, allowed, SCOPES, json, marketplace_id=name))


async def _add(name: str, webhook_url: str, organization: str | None, json: bool) -> None:
    chosen = organization or read_config().get("organization")
    wish = wire.NewMarketplace(name=name, webhook_url=webhook_url, organization_id=chosen)
    async with office() as hub:
        made = await hub.call(call.ADD_MARKETPLACE, wish)
    if json:
        print_json(made)
        return
    console.print(f"Added the marketplace {name} of {made.organization_id}. Keep these now; they are not shown again:")
    console.print(f"  client id       {made.client_id}")
    console.print(f"  client secret   {made.client_secret}")
    console.print(f"  webhook secret  {made.webhook_secret}")


async def _list(limit: int, after: str | None, json: bool) -> None:
    async with office() as hub:
        page = await hub.call(call.LIST_MARKETPLACES, limit=limit, after=after)
    if json:
        print_json(page)
        return
    columns = {
        "marketplace_id": "Marketplace",
        "organization_id": "Organization",
        "name": "Name",
        "webhook_urls": "Webhooks",
        "stores": "Stores",
        "scopes": "Scopes",
        "enabled": "Enabled",
    }
    rows = [row_of(one) for one in page.marketplaces]
    print_rows("Marketplaces", rows, columns, "No marketplaces yet. Add one: heard marketplaces add --help")


# --- of any channel: an application's commands say the same -----------------------------------------------


async def rotated(operation: Operation[wire.SecretRotated], keep_old_hours: int, json: bool, **named: str) -> None:
    """Ask for a new client secret and show it."""
    async with office() as hub:
        made = await hub.call(operation, wire.RotateSecret(keep_old_hours=keep_old_hours), **named)
    if json:
        print_json(made)
        return
    console.print(f"{made.name} has a new client secret. Keep it now; it is not shown again:")
    console.print(f"  client id       {made.client_id}")
    console.print(f"  client secret   {made.client_secret}")
    until = f"until {when(made.old_secret_until)} UTC" if made.old_secret_until else "no more"
    console.print(f"The old one is good {until}.")


async def revoked(operation: Operation[wire.TokensRevoked], json: bool, **named: str) -> None:
    """End every token."""
    async with office() as hub:
        done = await hub.call(operation, **named)
    if json:
        print_json(done)
    else:
        console.print(f"{done.revoked} {'token' if done.revoked == 1 else 'tokens'} of {done.name} ended.")


async def let_in(operation: Operation[wire.ClientState], json: bool, **named: str) -> None:
    """Shut out, or let in again."""
    async with office() as hub:
        state = await hub.call(operation, **named)
    if json:
        print_json(state)
    else:
        word = "enabled" if state.enabled else "disabled"
        console.print(f"{state.name} is {word}." if state.new else f"{state.name} was {word} already.")


async def scoped(
    operation: Operation[wire.ClientScopes], allowed: str, there_are: Sequence[str], json: bool, **named: str
) -> None:
    """Set what is allowed: scopes with commas between them."""
    wanted = [one.strip() for one in allowed.split(",") if one.strip()]
    if not wanted:
        raise fail(f"ALLOWED: name one scope at least; there are {', '.join(there_are)}")
    async with office() as hub:
        state = await hub.call(operation, wire.Scopes(scopes=wanted), **named)
    if json:
        print_json(state)
    else:
        console.print(f"{state.name} may now use: {', '.join(state.scopes)}.")
