"""`heard db`: the schema's state, its upgrade, and the embedded server."""

import asyncpg
from cyclopts import App

from heard.bootstrap import open_database
from heard.bootstrap import upgrade as apply_upgrade
from heard.cli.arguments import Json
from heard.cli.output import console, fail, print_json, print_rows
from heard.cli.running import read_config, run
from heard.storage import embedded, migrate
from heard.storage.reaching import connect

app = App(name="db", help="The database: its schema, and the embedded server.")


@app.command
def upgrade(*, json: Json = False) -> None:
    """Bring the schema up to date. Every start of the hub does so too; this does only this.

    Parameters
    ----------
    json
        Print one JSON document.
    """
    run(_upgrade(json))


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


async def _upgrade(json: bool) -> None:
    async with open_database(read_config()) as (dsn, _):
        applied = await apply_upgrade(dsn)
    if json:
        print_json({"applied": [{"number": one.number, "name": one.name} for one in applied]})
        return
    for one in applied:
        console.print(f"Applied {one.number:04d} {one.name}")
    console.print("The schema is up to date.")


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
        {"number": one.number, "name": one.name, "applied_at": one.applied_at, "checksum_ok": one.checksum_ok}
        for one in found
    ]
    if json:
        kind = "embedded" if server else "external"
        print_json({"server": version, "kind": kind, "migrations": rows})
        return
    console.print(f"PostgreSQL {version}, {'embedded' if server else 'your own'}")
    columns = {"number": "Number", "name": "Name", "applied_at": "Applied (UTC)", "checksum_ok": "Unchanged"}
    people = [{**row, "checksum_ok": row["checksum_ok"] if row["applied_at"] else None} for row in rows]
    print_rows("Migrations", people, columns, "No migrations.")
