"""SQL's texts: the named queries, one file each under queries/, and the values of those that are put together."""

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from heard import limits

if TYPE_CHECKING:
    import asyncpg

# Orders that wait for somebody to take them, in the words of the index orders_undecided.
UNDECIDED: Final = "'received', 'scheduled', 'awaiting_staff', 'submitting', 'unknown', 'awaiting_pos'"


async def plan_once(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """A statement is planned once for a connection, not for each length of the arrays it is given, and by its indexes,
    however few rows there were then; one that takes too long is given up by the server.

    Planning would cost more than the work, and so would compiling: docs/why/durable-work.md. Were it given up by us, a
    commit that waits for its standby would be as well, and then be seen: docs/why/cluster.md.
    """
    await connection.execute(
        "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off;"
        f"SET statement_timeout = {limits.STATEMENT_S * 1000:.0f}"
    )


@cache
def query(name: str) -> str:
    """The text of queries/NAME.sql."""
    return resources.files("heard.storage").joinpath("queries", f"{name}.sql").read_text("utf-8")


class Values:
    """The values of a statement that is put together: called with one, it says what stands for it in the text.

    So a condition is stated only where it was asked for. A connection plans each text once, and the plan of "this one,
    or any where none is given" reads everything.
    """

    def __init__(self, *values: object) -> None:
        self.given = list(values)

    def __call__(self, value: object) -> str:
        self.given.append(value)
        return f"${len(self.given)}"

    def equal(self, column: str, value: object | None) -> str:
        """The condition that a column has this value; any will do where none was asked for."""
        return "true" if value is None else f"{column} = {self(value)}"
