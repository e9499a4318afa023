"""Steering the hub in a person's name: the calls of the admin API, in this process, by whoever's role allows them."""

from typing import Any, TypeVar

import msgspec
from starlette.responses import Response

from heard.domain.ids import KeyId
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Hub, KeyHolder
from heard.engine.people import Visitor
from heard.http.admin import handlers
from heard.http.admin.asked import Asked
from heard.protocols import typed
from heard.protocols.admin.decode import decode_query
from heard.protocols.admin.operation import Operation
from heard.protocols.strict_json import read
from heard.storage import people

T = TypeVar("T", bound=msgspec.Struct)


class Office:
    """One process's. What changes something is written down with the name of who did it."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._handlers = hub, handlers(hub)

    async def call(
        self,
        by: Visitor,
        operation: Operation[T],
        body: Any = None,
        *,
        query: dict[str, str] | None = None,
        about: str | None = None,
        **path: str,
    ) -> T:
        """Make a call; `body` as JSON has it. `about`: what is written down of it, where its path says too little.

        Raises Refused: insufficient_scope, and whatever the call refuses.
        """
        if not by.may(operation.scope):
            raise Refused(Code.INSUFFICIENT_SCOPE, f"This takes the scope {operation.scope!r}; you are {by.role}.")
        holder = KeyHolder(by.organization_id, KeyId(by.person.person_id), by.login, by.role.scopes, is_person=True)
        asked_for = decode_query(list((query or {}).items()), operation.queries)
        given = None if operation.request is None else read(msgspec.json.encode(body or {}), operation.request)
        about = about or next(iter(path.values()), "")
        try:
            response = await self._handlers[operation.name](Asked(holder, path, asked_for, given))
        except Refused as refused:
            if operation.method != "GET":
                await self.note(by, operation.name, about, refused.code)
            raise
        if operation.method != "GET":
            await self.note(by, operation.name, about)
        return _answer(response, operation.response)

    async def note(self, by: Visitor, call: str, about: str, outcome: str = "done") -> None:
        """Write down what somebody did, or tried to."""
        deed_id = self._hub.new_id("did", await self._hub.now())
        async with self._hub.connection() as connection:
            whose = by.person.organization_id
            await people.note_deed(connection, whose, deed_id, by.login, call, about[:200], outcome)


def _answer(response: Response, kind: type[T]) -> T:
    return typed.decode(bytes(response.body), kind)
