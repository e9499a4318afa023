"""`heard console`: let people into the console, from where the hub's database is."""

from typing import Annotated, Final

from cyclopts import App, Parameter

from heard.cli.arguments import Json
from heard.cli.output import fail, print_json
from heard.cli.running import house, run
from heard.domain.ids import OrganizationId
from heard.domain.people import EVERYTHING, Role
from heard.engine import people

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
    run(_invite(role, organization or EVERYTHING, url, json))


async def _invite(role: Role, organization: str, url: str | None, json: bool) -> None:
    if len(organization) > 100:
        raise fail("--organization: no organization has so long a name")
    async with house() as opened:
        secret = await people.invite(opened.hub, OrganizationId(organization), role, "the command line")
        port = opened.config.get("http.port")
        base = (url or opened.hub.public_url or f"http://127.0.0.1:{port}").rstrip("/")
    link = f"{base}{_PATH}{secret}"
    if json:
        print_json({"link": link, "role": role, "organization_id": organization})
    else:
        print(link)
