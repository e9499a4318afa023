"""`heard keys`: who may use the admin API."""

from typing import Annotated

from cyclopts import App

from heard import limits
from heard.cli.arguments import Json, Page, whole
from heard.cli.output import console, fail, print_json, print_rows
from heard.cli.running import house, organization_of, run
from heard.engine.admin_keys import add_key, revoke_key
from heard.storage import admin_keys

app = App(name="keys", help="Keys of the admin API: make one, list them, revoke one.")


@app.command
def add(
    name: str,
    *,
    scopes: str,
    days: Annotated[int | None, whole(1, limits.KEY_DAYS_MAX)] = None,
    organization: str | None = None,
    json: Json = False,
) -> None:
    """Make a key to the admin API; prints it, this once.

    For example:

        heard keys add dashboard --scopes read,orders --days 90

    Parameters
    ----------
    name
        What people call it.
    scopes
        Of read, orders, stores, menus, webhooks and admin, those it may have, separated by commas.
    days
        Days until it ends; without this it has no end.
    organization
        The brand whose orders and stores it is for; not needed while there is only one.
    json
        Print one JSON document.
    """
    if not 1 <= len(name) <= limits.WORD_MAX:
        raise fail(f"NAME: from 1 to {limits.WORD_MAX} characters, these are {len(name)}")
    run(_add(name, [one.strip() for one in scopes.split(",") if one.strip()], days, organization, json))


@app.command(name="list")
def list_(*, limit: Page = 100, after: str = "", json: Json = False) -> None:
    """List the keys, revoked ones included; the keys themselves are never shown again.

    For example:

        heard keys list --json

    Parameters
    ----------
    limit
        How many at most.
    after
        The id of the last key of the page before this one.
    json
        Print one JSON document: {"keys": [...], "next": ID or null}.
    """
    run(_list(limit, after, json))


@app.command
def revoke(name: str, *, json: Json = False) -> None:
    """End a key at once, wherever it is used.

    For example:

        heard keys revoke dashboard

    Parameters
    ----------
    name
        The key's name or id (key_...).
    json
        Print one JSON document.
    """
    run(_revoke(name, json))


async def _add(name: str, scopes: list[str], days: int | None, organization: str | None, json: bool) -> None:
    async with house() as opened:
        organization_id = await organization_of(opened, organization)
        made = await add_key(opened.hub, organization_id, name, scopes, days)
    if json:
        print_json(
            {
                "key_id": made.key_id,
                "organization_id": organization_id,
                "name": name,
                "scopes": made.scopes,
                "key": made.key,
            }
        )
        return
    console.print(f"Made the key {name} for {organization_id}: {', '.join(made.scopes)}.")
    console.print("Keep it now; it is not shown again:")
    console.print(f"  {made.key}")


async def _list(limit: int, after: str, json: bool) -> None:
    async with house() as opened, opened.hub.connection() as connection:
        rows = [dict(row) for row in await admin_keys.list_keys(connection, limit, after)]
    if json:
        print_json({"keys": rows, "next": rows[-1]["key_id"] if len(rows) == limit else None})
        return
    columns = {
        "key_id": "Key",
        "organization_id": "Organization",
        "name": "Name",
        "scopes": "Scopes",
        "good": "Good",
        "expires_at": "Until (UTC)",
        "revoked_at": "Revoked (UTC)",
    }
    print_rows("Keys", rows, columns, "No keys yet. Make one: heard keys add --help")


async def _revoke(name: str, json: bool) -> None:
    async with house() as opened:
        key_id = await revoke_key(opened.hub, name)
    if json:
        print_json({"key_id": key_id, "revoked": True})
    else:
        console.print(f"{key_id} is revoked.")
