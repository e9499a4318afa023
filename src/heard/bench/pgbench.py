"""The limit beside `heard bench accept`: what PostgreSQL itself takes in, one row and one commit at a time, by pgbench.

The row is like an order's, with a body of as many bytes that comes from the client each time; the table keeps it as the
hub keeps bodies. The server and its settings are the hub's, so what is answered is on disk as surely.
"""

import asyncio
import re
from pathlib import Path

import asyncpg

from heard.bootstrap import StartError
from heard.storage.embedded import find_binaries

CLIENTS = (4, 8, 16, 32, 64)  # one of them is the best for the machine
_THREADS = 2
_TABLE = """
CREATE TABLE bench_raw (
    organization_id   text NOT NULL,
    order_id          bigint GENERATED ALWAYS AS IDENTITY,
    venue_id          text NOT NULL,
    external_order_id text NOT NULL,
    status            text NOT NULL,
    total             bigint NOT NULL,
    received_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    body              bytea NOT NULL,
    PRIMARY KEY (organization_id, order_id)
);
ALTER TABLE bench_raw ALTER COLUMN body SET STORAGE EXTERNAL;
"""
_SCRIPT = """\\set number random(1, 1000000000)
INSERT INTO bench_raw (organization_id, venue_id, external_order_id, status, total, body)
VALUES ('bench', 'ven_bench', :number, 'received', 2599, :body);
"""
_RATE = re.compile(rb"^tps = ([0-9.]+)", re.MULTILINE)
_NONE_FAILED = re.compile(rb"^number of failed transactions: 0 ", re.MULTILINE)


class RawInserts:
    """Inserts into a table of their own, in one database."""

    def __init__(self, dsn: str, program: Path, script: Path, body: bytes) -> None:
        self._dsn, self._program, self._script = dsn, program, script
        self._body = re.sub(rb"[^ -~]|\\", b".", body).decode()  # as many bytes, and none that must be escaped

    @classmethod
    async def make(cls, dsn: str, folder: Path, body: bytes) -> "RawInserts":
        """Make the table. Raises StartError where PostgreSQL came without pgbench."""
        program = find_binaries().bin_dir / "pgbench"
        if not program.exists():
            raise StartError(f"there is no {program}: install PostgreSQL's pgbench, which measures the limit")
        script = folder / "raw_inserts.sql"
        script.write_text(_SCRIPT, "ascii")
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(_TABLE)
        finally:
            await connection.close()
        return cls(dsn, program, script, body)

    async def best_clients(self, count: int) -> tuple[int, float]:
        """With how many clients most rows are inserted a second, and how many; so many are tried with each."""
        rates = {clients: await self.rate_per_s(clients, count) for clients in CLIENTS}
        best = max(rates, key=rates.__getitem__)
        return best, rates[best]

    async def rate_per_s(self, clients: int, count: int) -> float:
        """Rows a second, over some `count` of them."""
        each = max(1, count // clients)
        sent = f"--client={clients}", f"--jobs={min(_THREADS, clients)}", f"--transactions={each}"
        what = "--protocol=prepared", "--no-vacuum", f"--define=body={self._body}", f"--file={self._script}"
        child = await asyncio.create_subprocess_exec(
            self._program, *sent, *what, self._dsn, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        printed, complained = await child.communicate()
        told = _RATE.search(printed) if child.returncode == 0 and _NONE_FAILED.search(printed) else None
        assert told is not None, f"pgbench failed: {complained[-500:]!r}"
        return float(told[1])
