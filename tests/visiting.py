"""How tests visit a town's console over a socket, as a browser does: with cookies, forms and their keys."""

import html
import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from builders import ORGANIZATION
from heard.domain.ids import OrganizationId
from heard.domain.people import EVERYTHING, Role
from heard.engine import people
from heard.net.call import Answer, Call
from heard.storage import people as rows
from parties import Town

FORM = "application/x-www-form-urlencoded"
PASSWORD = "three blind mice"


@dataclass(slots=True)
class Guest:
    """A browser. `page`: the one that was loaded last."""

    town: Town
    cookies: dict[str, str] = field(default_factory=dict)
    page: str = ""

    async def get(self, path: str, **headers: str) -> Answer:
        """Load a page; a redirect is not followed."""
        return await self._ask("GET", path, None, headers)

    async def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        """Send a form with the key of the page that was loaded last, as the browser of that page would."""
        keys = re.findall(r'name="form_key" value="([0-9a-f]{64})"', self.page)
        filled = {"form_key": keys[0], **(form or {})} if keys else dict(form or {})
        named = {"content-type": FORM, "origin": self.town.hub_url, "sec-fetch-site": "same-origin", **headers}
        return await self._ask("POST", path, urlencode(filled).encode(), named)

    async def follow(self, answer: Answer) -> Answer:
        """Where an answer leads."""
        assert answer.status == 303, (answer.status, answer.body)
        return await self.get(answer.headers["location"])

    async def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        call = Call(method, self.town.hub_url + path, sent, body, 60.0, 4 << 20)
        answer = await self.town.house.outbound.send(call)
        assert isinstance(answer, Answer), answer
        for name, morsel in SimpleCookie(answer.headers.get("set-cookie", "")).items():
            self.cookies[name] = morsel.value
            if morsel["max-age"] == "0":
                del self.cookies[name]
        if method == "GET" and "text/html" in answer.headers.get("content-type", ""):
            self.page = answer.body.decode()
        return answer

    @property
    def text(self) -> str:
        """What the page that was loaded last says, without its tags."""
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.page)))


async def a_guest(
    town: Town, role: Role = Role.ADMIN, login: str | None = None, whose: OrganizationId | None = ORGANIZATION
) -> Guest:
    """Somebody who is signed in, with the board loaded. `whose` None: they see all there are."""
    guest = Guest(town)
    secret = await people.invite(town.house.hub, whose or OrganizationId(EVERYTHING), role, "a test")
    form = {"login": login or str(role), "password": PASSWORD, "again": PASSWORD}
    await guest.follow(await guest.post(f"/console/join/{secret}", form))
    return guest


async def deeds(town: Town) -> list[tuple[Any, ...]]:
    """Who did what, in order."""
    async with town.house.hub.connection() as connection:
        found = await rows.list_deeds(connection, None, 500, None)
    return [(row["person"], row["call"], row["outcome"]) for row in reversed(found)]
