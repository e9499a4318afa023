"""`heard applications`: who prices carts and orders through the Ordering API."""

from typing import Annotated

from cyclopts import App

from heard import limits
from heard.cli.arguments import ApiJson, Application, Page, Venue, whole
from heard.cli.marketplaces import let_in, revoked, rotated, scoped
from heard.cli.office import office
from heard.cli.output import console, print_json, print_rows, row_of
from heard.cli.running import read_config, run
from heard.cli.stores import connected
from heard.clients.admin import operations as call
from heard.clients.admin import wire
from heard.protocols.ordering.auth import SCOPES

app = App(
    name="applications",
    help="Who orders through the Ordering API: add an application, list them, steer what they may do.",
)


@app.command
def add(name: str, *, organization: str | None = None, json: ApiJson = False) -> None:
    """Add an application; prints its key, its client id and, this once, its client secret.

    The key is public: the Application header of every call has it. The secret belongs on a server, and gets tokens.

    For example:

        heard applications add loyalty
        heard stores connect ven_01kdvp1e000000000000000000 loyalty

    Parameters
    ----------
    name
        What people call it.
    organization
        The brand it orders from; not needed while there is only one.
    """
    run(_add(name, organization, json))


@app.command(name="list")
def list_(*, limit: Page = 100, after: str | None = None, json: ApiJson = False) -> None:
    """List the applications with their keys; their secrets are never shown again.

    For example:

        heard applications list --json

    Parameters
    ----------
    after
        The `next` of the page before this one: the id of its last application.
    """
    run(_list(limit, after, json))


@app.command
def connect(name: Application, venue: Venue, *, json: ApiJson = False) -> None:
    """Let an application order from a store.

    For example:

        heard applications connect loyalty ven_01kdvp1e000000000000000000
    """
    run(connected(call.CONNECT_STORE, venue, name, json))


@app.command
def disconnect(name: Application, venue: Venue, *, json: ApiJson = False) -> None:
    """Take no more new orders from an application for a store. Those it has sent go on, and it is told of them.

    For example:

        heard applications disconnect loyalty ven_01kdvp1e000000000000000000
    """
    run(connected(call.DISCONNECT_STORE, venue, name, json))


@app.command
def rotate_secret(
    name: Application,
    *,
    keep_old_hours: Annotated[int, whole(0, limits.OLD_SECRET_HOURS_MAX)] = 24,
    json: ApiJson = False,
) -> None:
    """Give an application a new client secret, shown this once; the old one stays good for a while.

    Its tokens stay good as well: `heard applications revoke-tokens` ends those.

    For example:

        heard applications rotate-secret loyalty --keep-old-hours 48

    Parameters
    ----------
    keep_old_hours
        Hours for which the old secret is good too; 0 when it has leaked.
    """
    run(rotated(call.ROTATE_APPLICATION_SECRET, keep_old_hours, json, application_id=name))


@app.command
def revoke_tokens(name: Application, *, json: ApiJson = False) -> None:
    """End every access token of an application at once; it may ask for new ones.

    For example:

        heard applications revoke-tokens loyalty
    """
    run(revoked(call.REVOKE_APPLICATION_TOKENS, json, application_id=name))


@app.command
def disable(name: Application, *, json: ApiJson = False) -> None:
    """Refuse every call of an application from now on; its orders go on, and it still hears of them.

    For example:

        heard applications disable loyalty
    """
    run(let_in(call.DISABLE_APPLICATION, json, application_id=name))


@app.command
def enable(name: Application, *, json: ApiJson = False) -> None:
    """Let an application in again; it asks for a new token with the secret it has.

    For example:

        heard applications enable loyalty
    """
    run(let_in(call.ENABLE_APPLICATION, json, application_id=name))


@app.command
def scopes(name: Application, allowed: str, *, json: ApiJson = False) -> None:
    """Set what an application may do with a token, also with those it has.

    For example:

        heard applications scopes loyalty order

    Parameters
    ----------
    allowed
        Of order and webhooks-management, those it may have, separated by commas.
    """
    run(scoped(call.SET_APPLICATION_SCOPES, allowed, SCOPES, json, application_id=name))


async def _add(name: str, organization: str | None, json: bool) -> None:
    chosen = organization or read_config().get("organization")
    async with office() as hub:
        made = await hub.call(call.ADD_APPLICATION, wire.NewApplication(name=name, organization_id=chosen))
    if json:
        print_json(made)
        return
    console.print(
        f"Added the application {name} of {made.organization_id}. Keep its secret now; it is not shown again:"
    )
    console.print(f"  application key  {made.application_key}")
    console.print(f"  client id        {made.client_id}")
    console.print(f"  client secret    {made.client_secret}")
    console.print(f"It may order where it is connected: heard applications connect {name} VENUE")


async def _list(limit: int, after: str | None, json: bool) -> None:
    async with office() as hub:
        page = await hub.call(call.LIST_APPLICATIONS, limit=limit, after=after)
    if json:
        print_json(page)
        return
    columns = {
        "application_id": "Application",
        "organization_id": "Organization",
        "name": "Name",
        "application_key": "Key",
        "stores": "Stores",
        "scopes": "Scopes",
        "enabled": "Enabled",
    }
    rows = [row_of(one) for one in page.applications]
    print_rows("Applications", rows, columns, "No applications yet. Add one: heard applications add --help")
