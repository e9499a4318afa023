"""The schema keeps its promises: keys begin with the organization, and every query fits it."""

from dataclasses import fields
from importlib import resources

import asyncpg

from heard.domain.order.model import Order
from heard.storage.sql import query

_UNKEYED = {"heard_migrations"}  # the schema's own, one for the whole database


async def test_every_key_and_every_unique_constraint_begins_with_the_organization(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT c.conrelid::regclass::text AS name, a.attname AS first FROM pg_constraint c"
        " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
        " WHERE c.contype IN ('p', 'u') AND c.connamespace = 'public'::regnamespace"
    )
    unique = await connection.fetchval(
        "SELECT count(*) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid"
        " WHERE i.indisunique AND t.relnamespace = 'public'::regnamespace"
    )
    await connection.close()
    found = {(row["name"], row["first"]) for row in rows if row["name"] not in _UNKEYED}
    assert found
    assert {first for _, first in found} == {"organization_id"}
    assert unique == len(rows), "uniqueness is only ever a constraint"


async def test_the_table_of_orders_holds_every_member_of_an_order(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = 'orders'")
    await connection.close()
    columns = {row["column_name"] for row in rows}
    assert {field.name for field in fields(Order)} <= columns
    assert columns - {field.name for field in fields(Order)} == {
        "next_at",
        "lease",
        "lease_until",
        "stalls",
        "revision",
        "trace",
    }


async def test_every_query_fits_the_schema(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    for file in resources.files("heard.storage").joinpath("queries").iterdir():
        await connection.prepare(query(file.name.removesuffix(".sql")))
    await connection.close()
