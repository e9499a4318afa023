"""What the store asks of a database, and how the statements differ between the two: in four words only."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Protocol


class Row(Protocol):
    """A row's values by name."""

    def __getitem__(self, name: str, /) -> Any: ...


class StoreError(Exception):
    """Why the kit's store cannot be opened, in one line fit for an operator."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What stands in a statement for {bytes}, for {now} (seconds since 1970 by the database's clock) and for {skip}: to
    leave aside what another process is at; and for the `$` of $1, $2, ...
    """

    bytes_type: str
    now: str
    skip: str
    mark: str = "$"

    @cache  # noqa: B019 - there are two dialects and some twenty statements
    def of(self, sql: str) -> str:
        """A statement in this dialect."""
        sql = sql.replace("{bytes}", self.bytes_type).replace("{now}", self.now).replace("{skip}", self.skip)
        return sql.replace("$", self.mark)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with its values for $1, $2, ..."""

    sql: str
    values: tuple[Any, ...] = ()


class Done(NamedTuple):
    """What a statement has done: the rows that it returned, and how many it wrote or deleted."""

    rows: Sequence[Row]
    changed: int


class Database(Protocol):
    """Statements are of the store's own text, so their parsed form is worth keeping."""

    unreachable: tuple[type[Exception], ...]  # what says that it cannot be reached, or has no room
    faults: tuple[type[Exception], ...]  # whatever it may raise

    async def read(self, sql: str, *values: Any) -> Sequence[Row]:
        """Rows as they are committed now."""

    async def write(self, *statements: Statement) -> list[Done]:
        """All of them or none; on disk when this returns. What each has done."""

    async def prepare(self, statements: Sequence[str]) -> None:
        """Carry out the statements that make the tables, one process after another."""

    async def close(self) -> None:
        """Let go of it."""
