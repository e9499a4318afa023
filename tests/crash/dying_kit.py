"""A POS kit that kills itself at the first await about one order at which no kit before it has died, or at a commit.

Run as a program with an `Errand` in JSON before the words of a command: the real `heard pos serve paper_pos:PaperPos`,
with its requests and what it does beside them driven step by step. Its last words are where it dies.
"""

import sqlite3
import sys
from typing import Any

import msgspec
from dying import Stepped, Watch

import heard.pos.callbacks
import heard.pos.desk
import heard.pos.kit
import heard.pos.store.sqlite
from heard import limits
from heard.cli import main

limits.KIT_LEASE_S = 0.15  # type: ignore[misc]
limits.KIT_LOOK_S = 0.03  # type: ignore[misc]
limits.CALLBACK_CAP_S = 0.1  # type: ignore[misc]
heard.pos.callbacks._LEASE_S = 0.3  # type: ignore[misc]


class Errand(msgspec.Struct):
    """Which order to watch, and where not to die. Requests about it say so in X-Request-ID. No order: live on."""

    request_uid: str
    spared: list[str]
    one_in: int = 1


def _install(watch: Watch, request_uid: str) -> None:
    call = heard.pos.kit.PosApp.__call__
    work_on = heard.pos.desk.Desk._work
    take_over = heard.pos.desk.Desk.take_over
    look = heard.pos.callbacks.Callbacks.look
    bring = heard.pos.callbacks.Callbacks._bring

    async def dying_call(self: Any, scope: Any, receive: Any, send: Any) -> None:
        named = dict(scope.get("headers", ())).get(b"x-request-id", b"").decode()
        coroutine = call(self, scope, receive, send)
        await (Stepped(coroutine, watch, looping=scope["method"] == "GET") if named == request_uid else coroutine)

    async def dying_work(self: Any, work: Any) -> Any:
        coroutine = work_on(self, work)
        return await (Stepped(coroutine, watch) if work.new.key.request_uid == request_uid else coroutine)

    async def dying_take_over(self: Any) -> Any:
        return await Stepped(take_over(self), watch, looping=True)

    async def dying_look(self: Any) -> Any:
        return await Stepped(look(self), watch, looping=True)

    async def dying_bring(self: Any, callback: Any) -> Any:
        coroutine = bring(self, callback)
        mine = callback.key.request_uid == request_uid
        return await (Stepped(coroutine, watch, looping=True) if mine else coroutine)

    heard.pos.kit.PosApp.__call__ = dying_call  # type: ignore[method-assign]
    heard.pos.desk.Desk._work = dying_work  # type: ignore[method-assign]
    heard.pos.desk.Desk.take_over = dying_take_over  # type: ignore[method-assign]
    heard.pos.callbacks.Callbacks.look = dying_look  # type: ignore[method-assign]
    heard.pos.callbacks.Callbacks._bring = dying_bring  # type: ignore[method-assign]


def _die_at_commits(watch: Watch) -> None:
    """Before and after each kind of commit, in the thread that waits for the disk."""

    class Dying(sqlite3.Connection):
        last = ""

        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            self.last = " ".join(sql.split()[:5])
            return super().execute(sql, *values)

        def commit(self) -> None:
            watch.passed(f"before the commit of {self.last}")
            super().commit()
            watch.passed(f"after the commit of {self.last}")

    def connect(where: str, *, uri: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(where, isolation_level=None, check_same_thread=False, uri=uri, factory=Dying)
        connection.row_factory = sqlite3.Row
        connection.executescript(heard.pos.store.sqlite._PRAGMAS)
        return connection

    heard.pos.store.sqlite._connect = connect


if __name__ == "__main__":
    errand = msgspec.json.decode(sys.argv.pop(1), type=Errand)
    watch = Watch(errand.spared, one_in=errand.one_in)
    watch.watching = bool(errand.request_uid)
    _install(watch, errand.request_uid)
    _die_at_commits(watch)
    sys.argv[0] = "heard"
    main()
