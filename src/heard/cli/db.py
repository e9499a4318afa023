"""`heard db`: the schema's state, its upgrade, and the embedded server."""

from dataclasses import asdict
from typing import Annotated

import asyncpg
from cyclopts import App, Parameter

from heard.bootstrap import open_database, past_pooler
from heard.bootstrap import upgrade as apply_upgrade
from heard.cli.arguments import Json
from heard.cli.output import console, fail, print_json, print_rows
from heard.cli.running import house, read_config, run
from heard.storage import embedded, migrate
from heard.storage import partitions as parts
from heard.storage.reaching import connect
from heard.work.retention import Tidied, keep_house

app = App(name="db", help="The database: its schema, how it grows, and the embedded server.")


@app.command
def upgrade(*, pre: Annotated[bool, Parameter(negative="")] = False, json: Json = False) -> None:
    """Bring the schema up to date, once no process of the release before runs any more.

    Every start does so too with the embedded server; with a PostgreSQL of your own a start applies first halves only,
    so that processes of the release before go on until you replace them.

    For example:

        heard db upgrade --pre

    Parameters
    ----------
    pre
        First halves only: the release before goes on.
    json
        Print one JSON document.
    """
    run(_upgrade(pre, json))


@app.command
def status(*, json: Json = False) -> None:
    """Show which migrations are applied.

    Parameters
    ----------
    json
        Print one JSON document.
    """
    run(_status(json))


@app.command
def partitions(*, json: Json = False) -> None:
    """Show the parts that orders, history, events and exchanges are kept in: how large each is, and which are over.

    For example:

        heard db partitions

    Parameters
    ----------
    json
        Print one JSON document.
    """
    run(_partitions(json))


@app.command
def retain(*, dry_run: Annotated[bool, Parameter(negative="")] = False, json: Json = False) -> None:
    """Drop what is over now (settings retention.*), and make the next partitions. Every worker does so once an hour.

    An order that is still open is kept, whatever its age.

    For example:

        heard db retain --dry-run

    Parameters
    ----------
    dry_run
        Only say which partitions are over.
    json
        Print one JSON document.
    """
    run(_retain(dry_run, json))


@app.command
def stop(*, json: Json = False) -> None:
    """Stop an embedded server that nobody uses, left over when its last process was killed.

    Parameters
    ----------
    json
        Print one JSON document.
    """
    stopped = run(embedded.stop(read_config().data_folder))
    if json:
        print_json({"stopped": stopped})
    else:
        console.print("Stopped." if stopped else "Nothing to stop: it is in use, or not running.")


async def _upgrade(pre: bool, json: bool) -> None:
    config = read_config()
    async with open_database(config) as (dsn, _):
        applied = await apply_upgrade(past_pooler(config, dsn), whole=not pre)
    if json:
        print_json({"applied": [{"number": one.number, "name": one.name} for one in applied]})
        return
    for one in applied:
        console.print(f"Applied {one.number:04d} {one.name}")
    console.print("The release before can go on." if pre else "The schema is up to date.")


async def _partitions(json: bool) -> None:
    async with house() as opened:
        now = await opened.hub.now()
        async with opened.hub.connection() as connection:
            found = await parts.partitions(connection)
            sizes = await parts.sizes(connection, [one.name for one in found])
        over = {one.name for one in parts.over(found, opened.kept(), now)}
    rows = [
        {
            "table": one.table,
            "partition": one.name,
            "ends": one.ends,
            "rows_estimated": sizes[one.name][0],
            "mb": round(sizes[one.name][1] / 2**20, 1),
            "over": one.name in over,
        }
        for one in found
    ]
    if json:
        print_json({"partitions": rows})
        return
    columns = {
        "table": "Table",
        "partition": "Partition",
        "ends": "Ends (UTC)",
        "rows_estimated": "Rows, about",
        "mb": "MB",
        "over": "Over",
    }
    print_rows("Partitions", rows, columns, "No partitions.")


async def _retain(dry_run: bool, json: bool) -> None:
    async with house() as opened:
        hub, kept = opened.hub, opened.kept()
        if dry_run:
            now = await hub.now()
            async with hub.connection() as connection:
                found = parts.over(await parts.partitions(connection), kept, now)
            done = Tidied([], [one.name for one in found], 0)
        else:
            try:
                done = await keep_house(hub, kept)
            except asyncpg.LockNotAvailableError:
                raise fail("a table was in use for too long; what was not done yet is done by the next try") from None
    if json:
        print_json({"dry_run": dry_run, **asdict(done)})
        return
    for name in done.made:
        console.print(f"Made {name}")
    for name in done.dropped:
        console.print(f"{'Is over:' if dry_run else 'Dropped'} {name}")
    if not done.dropped:
        console.print("No partition is over.")


async def _status(json: bool) -> None:
    async with open_database(read_config()) as (dsn, server):
        try:
            connection = await connect(dsn)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise fail(f"HEARD_DATABASE_URL: the database cannot be reached: {error}") from None
        try:
            found = await migrate.status(connection)
            version: str = await connection.fetchval("SHOW server_version")
        finally:
            await connection.close()
    rows = [
        {
            "number": one.number,
            "name": one.name,
            "applied_at": one.applied_at,
            "closed_at": one.closed_at,
            "checksum_ok": one.checksum_ok,
        }
        for one in found
    ]
    if json:
        kind = "embedded" if server else "external"
        print_json({"server": version, "kind": kind, "migrations": rows})
        return
    console.print(f"PostgreSQL {version}, {'embedded' if server else 'your own'}")
    columns = {
        "number": "Number",
        "name": "Name",
        "applied_at": "Applied (UTC)",
        "closed_at": "Closed (UTC)",
        "checksum_ok": "Unchanged",
    }
    people = [{**row, "checksum_ok": row["checksum_ok"] if row["applied_at"] else None} for row in rows]
    print_rows("Migrations", people, columns, "No migrations.")
