"""`heard console`: let people into the console, from where the hub's database is."""

from typing import Annotated, Final

from cyclopts import App, Parameter

from heard.cli.arguments import Json
from heard.cli.output import fail, print_json
from heard.cli.running import house, run
from heard.domain.ids import OrganizationId
from heard.domain.people import EVERYTHING, Role
from heard.engine import people
from heard.engine.hub import Hub
from heard.storage import stores

app = App(name="console", help="Let people into the console.")
_PATH: Final = "/console/join/"


@app.command
def invite(
    *,
    role: Role = Role.OPERATOR,
    organization: str | None = None,
    url: Annotated[str | None, Parameter(name="--url")] = None,
    json: Json = False,
) -> None:
    """Print a link that lets one person in once, within a day. They choose a login and a password.

    For example:

        heard console invite --role admin
        heard console invite --role viewer --organization acme --url https://hub.example.com

    Parameters
    ----------
    role
        What they may do: viewer (look), operator (orders, stores, menus), developer (events, too), admin (all).
    organization
        Whose orders and stores they see; by default all there are.
    url
        Where the hub is served; by default the setting http.public_url, else this machine's address.

    """
    run(_invite(role, organization, url, json))


async def _invite(role: Role, organization: str | None, url: str | None, json: bool) -> None:
    async with house() as opened:
        whose = await _whose(opened.hub, organization)
        secret = await people.invite(opened.hub, whose, role, "the command line")
        port = opened.config.get("http.port")
        base = (url or opened.hub.public_url or f"http://127.0.0.1:{port}").rstrip("/")
    link = f"{base}{_PATH}{secret}"
    if json:
        print_json({"link": link, "role": role, "organization_id": whose})
    else:
        print(link)


async def _whose(hub: Hub, organization: str | None) -> OrganizationId:
    """All there are only where nothing is named: a script's empty variable must not let somebody see everything."""
    if organization is None:
        return OrganizationId(EVERYTHING)
    async with hub.connection() as connection:
        there, known = await stores.is_organization(connection, organization), await stores.organizations(connection)
    if not there:
        others = f"there are {', '.join(known[:10])}" if known else "there is none yet: `heard stores add`"
        raise fail(f"--organization: there is no organization {organization[:100]!r}; {others}")
    return OrganizationId(organization)
