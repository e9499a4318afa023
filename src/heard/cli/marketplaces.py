"""`heard marketplaces`: who sends orders through Link."""

from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import App, Parameter, validators

from heard import limits
from heard.bootstrap import House
from heard.cli.arguments import Json
from heard.cli.output import console, fail, print_json, print_rows
from heard.cli.running import house, run
from heard.domain.ids import OrganizationId
from heard.engine.add_parties import add_marketplace
from heard.storage import marketplaces, stores

app = App(name="marketplaces", help="Who sends orders through Link: add one, list them.")


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
    parts = urlsplit(webhook_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise fail(f"--webhook-url: {webhook_url!r} is not an address such as https://nosh.example/heard")
    run(_add(name, webhook_url, organization, json))


@app.command(name="list")
def list_(
    *,
    limit: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=limits.PAGE_MAX))] = 100,
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


async def _add(name: str, webhook_url: str, organization: str | None, json: bool) -> None:
    async with house() as opened:
        organization_id = await _organization(opened, organization)
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


async def _organization(opened: House, named: str | None) -> OrganizationId:
    """The organization that is meant: named, configured, or the only one."""
    chosen: str | None = named or opened.config.get("organization")
    if chosen:
        return OrganizationId(chosen)
    async with opened.hub.connection() as connection:
        known = await stores.organizations(connection)
    if len(known) == 1:
        return known[0]
    if not known:
        raise fail("there is no organization yet: add a store first, or name one with --organization")
    raise fail(f"--organization: name one of {', '.join(known[:10])}")


async def _list(limit: int, after: str, json: bool) -> None:
    async with house() as opened, opened.hub.connection() as connection:
        rows = [dict(row) for row in await marketplaces.list_marketplaces(connection, limit, after)]
    if json:
        print_json({"marketplaces": rows, "next": rows[-1]["marketplace_id"] if len(rows) == limit else None})
        return
    columns = {
        "marketplace_id": "Marketplace",
        "organization_id": "Organization",
        "name": "Name",
        "webhook_urls": "Webhooks",
        "stores": "Stores",
    }
    print_rows("Marketplaces", rows, columns, "No marketplaces yet. Add one: heard marketplaces add --help")
