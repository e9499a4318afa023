"""A pooler that gives each transaction another session is nothing that orders notice."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import pytest

from heard.domain.order.model import Status
from heard.storage.embedded.account import choose_account
from lengths import patience
from parties import a_town
from ports import keep_port

# One that keeps prepared statements over transactions: 1.21 or newer. Debian's own is older.
PGBOUNCER = os.environ.get("HEARD_TEST_PGBOUNCER") or shutil.which("pgbouncer") or ""
POOL = 3


def _version() -> tuple[int, int]:
    if not PGBOUNCER:
        return 0, 0
    said = subprocess.run([PGBOUNCER, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = said.split()[1].split(".")[:2]
    return int(major), int(minor)


pytestmark = pytest.mark.skipif(
    _version() < (1, 21), reason="no PgBouncer of 1.21 or newer; HEARD_TEST_PGBOUNCER names one"
)


@pytest.fixture
async def pooled(dsn: str, own_folder: Path) -> AsyncIterator[str]:
    """The database through a pooler in transaction mode, with fewer sessions than the hub has connections."""
    parts, port, account = urlsplit(dsn), keep_port(), choose_account()
    database, socket = unquote(parts.path[1:]), parse_qs(parts.query)["host"][0]
    config = own_folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n{database} = host={socket} dbname={database} user={parts.username}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\nunix_socket_dir =\n"
        f"pool_mode = transaction\ndefault_pool_size = {POOL}\nmax_prepared_statements = 500\n"
    )
    account.own(own_folder)
    process = await asyncio.create_subprocess_exec(
        PGBOUNCER, "-q", str(config), stderr=asyncio.subprocess.DEVNULL, **account.switch
    )
    try:
        url = f"postgresql://{parts.username}@127.0.0.1:{port}/{database}"
        async with patience():
            while True:
                try:
                    connection = await asyncpg.connect(url)
                    break
                except OSError:
                    await asyncio.sleep(0.02)
        await connection.close()
        yield url
    finally:
        process.terminate()
        await process.wait()


async def test_orders_live_their_whole_lives_over_a_pooler_in_transaction_mode(dsn: str, pooled: str) -> None:
    direct = f"{dsn}&application_name=direct"
    async with a_town(pooled, settings={"HEARD_DATABASE_DIRECT_URL": direct, "HEARD_WORK_POLL_S": "60"}) as town:
        sent = await asyncio.gather(*(town.send(f"A-{number}") for number in range(30)))
        for order_id in sent:
            await town.until(order_id, Status.COMPLETED)
            assert len(town.tickets(order_id)) == 1
            assert await town.told(order_id, "order.completed")
        connection = await asyncpg.connect(dsn)
        sessions = await connection.fetch(
            "SELECT application_name AS name, query FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        await connection.close()
        listening = [row["name"] for row in sessions if row["query"].startswith("LISTEN")]
        assert listening == ["direct", "direct"], "of work and of revocations"
        assert len(sessions) - len(listening) <= POOL
