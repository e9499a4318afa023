"""`heard marketplaces`: who sends orders through Link."""

from typing import Annotated

from cyclopts import App

from heard import limits
from heard.cli.arguments import Json, Page, is_web_address, whole
from heard.cli.output import console, fail, print_json, print_rows, when
from heard.cli.running import house, organization_of, run
from heard.engine import change_client
from heard.engine.add_parties import add_marketplace
from heard.storage import marketplaces

app = App(name="marketplaces", help="Who sends orders through Link: add one, list them, steer what they may do.")


@app.command
def add(name: str, *, webhook_url: str, organization: str | None = None, json: Json = False) -> None:
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
    json
        Print one JSON document.

    """
    if not is_web_address(webhook_url):
        raise fail(f"--webhook-url: {webhook_url!r} is not an address such as https://nosh.example/heard")
    run(_add(name, webhook_url, organization, json))


@app.command(name="list")
def list_(
    *,
    limit: Page = 100,
    after: str = "",
    json: Json = False,
) -> None:
    """List the marketplaces; their secrets are never shown again.

    Parameters
    ----------
    limit
        How many at most.
    after
        The id of the last marketplace of the page before this one.
    json
        Print one JSON document: {"marketplaces": [...], "next": ID or null}.
    """
    run(_list(limit, after, json))


@app.command
def rotate_secret(
    name: str,
    *,
    keep_old_hours: Annotated[int, whole(0, limits.OLD_SECRET_HOURS_MAX)] = 24,
    json: Json = False,
) -> None:
    """Give a marketplace a new client secret, shown this once; the old one stays good for a while.

    Its tokens stay good as well: `heard marketplaces revoke-tokens` ends those.

    For example:

        heard marketplaces rotate-secret nosh --keep-old-hours 48

    Parameters
    ----------
    name
        The marketplace's name or id (mkt_...).
    keep_old_hours
        Hours for which the old secret is good too; 0 when it has leaked.
    json
        Print one JSON document.
    """
    run(_rotate_secret(name, keep_old_hours, json))


@app.command
def revoke_tokens(name: str, *, json: Json = False) -> None:
    """End every access token of a marketplace at once; it may ask for new ones.

    For example:

        heard marketplaces revoke-tokens nosh

    Parameters
    ----------
    name
        The marketplace's name or id (mkt_...).
    json
        Print one JSON document.
    """
    run(_revoke_tokens(name, json))


@app.command
def disable(name: str, *, json: Json = False) -> None:
    """Refuse every call of a marketplace from now on; its orders go on, and it still hears of them.

    For example:

        heard marketplaces disable nosh

    Parameters
    ----------
    name
        The marketplace's name or id (mkt_...).
    json
        Print one JSON document.
    """
    run(_let_in(name, False, json))


@app.command
def enable(name: str, *, json: Json = False) -> None:
    """Let a marketplace in again; it asks for a new token with the secret it has.

    For example:

        heard marketplaces enable nosh

    Parameters
    ----------
    name
        The marketplace's name or id (mkt_...).
    json
        Print one JSON document.
    """
    run(_let_in(name, True, json))


@app.command
def scopes(name: str, allowed: str, *, json: Json = False) -> None:
    """Set what a marketplace may do, with the tokens it has too.

    For example:

        heard marketplaces scopes nosh orders,menus

    Parameters
    ----------
    name
        The marketplace's name or id (mkt_...).
    allowed
        Of orders, menus, stores and events, those it may have, separated by commas.
    json
        Print one JSON document.
    """
    run(_scopes(name, [one.strip() for one in allowed.split(",") if one.strip()], json))


async def _add(name: str, webhook_url: str, organization: str | None, json: bool) -> None:
    async with house() as opened:
        organization_id = await organization_of(opened, organization)
        made = await add_marketplace(opened.hub, organization_id, name, webhook_url, await opened.hub.now())
    if json:
        print_json(
            {
                "marketplace_id": made.marketplace_id,
                "organization_id": made.organization_id,
                "name": name,
                "client_id": made.marketplace_id,
                "client_secret": made.client_secret,
                "webhook_secret": made.webhook_secret,
            }
        )
        return
    console.print(f"Added the marketplace {name} of {organization_id}. Keep these now; they are not shown again:")
    console.print(f"  client id       {made.marketplace_id}", soft_wrap=True)
    console.print(f"  client secret   {made.client_secret}", soft_wrap=True)
    console.print(f"  webhook secret  {made.webhook_secret}", soft_wrap=True)


async def _list(limit: int, after: str, json: bool) -> None:
    async with house() as opened, opened.hub.connection() as connection:
        found = await marketplaces.list_marketplaces(connection, limit, after)
    rows = [{**row, "enabled": row["disabled_at"] is None} for row in found]
    if json:
        print_json({"marketplaces": rows, "next": rows[-1]["marketplace_id"] if len(rows) == limit else None})
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
    print_rows("Marketplaces", rows, columns, "No marketplaces yet. Add one: heard marketplaces add --help")


async def _rotate_secret(name: str, keep_old_hours: int, json: bool) -> None:
    async with house() as opened:
        rotated = await change_client.rotate_secret(opened.hub, None, name, keep_old_hours)
    marketplace = rotated.marketplace
    if json:
        print_json(
            {
                "marketplace_id": marketplace.marketplace_id,
                "client_id": marketplace.marketplace_id,
                "client_secret": rotated.client_secret,
                "old_secret_until": rotated.old_until,
            }
        )
        return
    console.print(f"{marketplace.name} has a new client secret. Keep it now; it is not shown again:")
    console.print(f"  client id       {marketplace.marketplace_id}", soft_wrap=True)
    console.print(f"  client secret   {rotated.client_secret}", soft_wrap=True)
    until = f"until {when(rotated.old_until)} UTC" if rotated.old_until else "no more"
    console.print(f"The old one is good {until}.")


async def _revoke_tokens(name: str, json: bool) -> None:
    async with house() as opened:
        marketplace, count = await change_client.revoke_tokens(opened.hub, None, name)
    if json:
        print_json({"marketplace_id": marketplace.marketplace_id, "revoked": count})
    else:
        console.print(f"{count} {'token' if count == 1 else 'tokens'} of {marketplace.name} ended.")


async def _let_in(name: str, enabled: bool, json: bool) -> None:
    async with house() as opened:
        change = change_client.enable_client if enabled else change_client.disable_client
        marketplace, new = await change(opened.hub, None, name)
    if json:
        print_json({"marketplace_id": marketplace.marketplace_id, "enabled": enabled, "new": new})
    else:
        word = "enabled" if enabled else "disabled"
        console.print(f"{marketplace.name} is {word}." if new else f"{marketplace.name} was {word} already.")


async def _scopes(name: str, wanted: list[str], json: bool) -> None:
    async with house() as opened:
        marketplace, allowed = await change_client.set_scopes(opened.hub, None, name, wanted)
    if json:
        print_json({"marketplace_id": marketplace.marketplace_id, "scopes": allowed})
    else:
        console.print(f"{marketplace.name} may now use: {', '.join(allowed)}.")
