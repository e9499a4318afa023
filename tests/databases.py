"""Databases for tests, each as the migrations leave it: lent, emptied when it comes back, and lent again.

Cloning and dropping one takes a hundred times as long as emptying it, and most tests need one. Truncating all that a
test has written to would take twenty times as long: each table and each index is given a new file.
"""

import asyncio
import os
from itertools import count
from urllib.parse import quote

import asyncpg

from heard.storage.embedded import EmbeddedPostgres

TEMPLATE = "heard_template"

_LONG_BYTES = 1024 * 1024  # of a table: its new files cost less than what deleting would leave behind

_SHAPE = """
SELECT md5(string_agg(
    concat_ws(' ', c.relname, c.relkind, c.reloptions, a.attname, a.atttypid), ',' ORDER BY c.relname, a.attnum
))
FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'public'::regnamespace
"""
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_KNOWN = """
SELECT EXISTS (SELECT FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid
    WHERE c.relnamespace = 'public'::regnamespace)
"""
_EMPTY = f"""
DO $$
DECLARE
    one record;
BEGIN
    SET LOCAL session_replication_role = replica;  -- no table waits for another to be emptied
    FOR one IN SELECT oid::regclass AS name, pg_relation_size(oid) AS bytes FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'heard_migrations'
            AND pg_relation_size(oid) > 0
    LOOP
        IF one.bytes > {_LONG_BYTES} THEN
            EXECUTE format('TRUNCATE %s CASCADE', one.name);
        ELSE
            EXECUTE format('DELETE FROM %s', one.name);
        END IF;
    END LOOP;
    PERFORM setval(oid::regclass, 1, false) FROM pg_class
        WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
    INSERT INTO clock DEFAULT VALUES;
END $$
"""


class Databases:
    """Those of one server."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._free: list[str] = []
        self._template_shape: str | None = None
        self._numbers = count(1)

    def dsn(self, name: str) -> str:
        """The address of a database."""
        return self._server.dsn.replace(f"/{quote(TEMPLATE)}?", f"/{quote(name)}?")

    async def lend(self) -> str:
        """The name of a migrated, empty database."""
        if self._free:
            return self._free.pop()
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        await self._as_admin(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
        return name

    async def take_back(self, name: str) -> None:
        """One that everybody has left, and that is still as the template, is lent again; others are dropped.

        What a planner has learnt of a test's rows would stay: the next one may be about a planner that knows nothing.
        """
        connection = await asyncpg.connect(self.dsn(name))
        try:
            good = (
                await _is_left(connection)
                and not await connection.fetchval(_KNOWN)
                and await connection.fetchval(_SHAPE) == await self._shape()
            )
            if good:
                await connection.execute(_EMPTY)
                self._free.append(name)
        finally:
            await connection.close()
        if not good:
            await self._as_admin(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _shape(self) -> str:
        if self._template_shape is None:
            template = await asyncpg.connect(self._server.dsn)
            try:
                self._template_shape = await template.fetchval(_SHAPE)
            finally:
                await template.close()
        assert self._template_shape is not None  # the template has tables
        return self._template_shape

    async def _as_admin(self, statement: str) -> None:
        admin = await asyncpg.connect(self.dsn("postgres"))
        try:
            await admin.execute(statement)
        finally:
            await admin.close()


async def _is_left(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    """Whether nobody else is in the database, or will be gone in a moment: closing takes one."""
    for _ in range(20):
        if not await connection.fetchval(_OTHERS):
            return True
        await asyncio.sleep(0.005)
    return False
