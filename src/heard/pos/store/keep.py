"""The store's use of its database: every statement of the kit stands here.

A request is begun, worked on under a lease, and finished once. The lease's number (`attempt`) fences: whoever lost it
cannot finish the request any more.
"""

from dataclasses import dataclass, field

from heard import limits
from heard.pos.adapter import Location
from heard.pos.store.database import Database, Row, Statement
from heard.pos.store.records import DueCallback, Key, Mapped, Record
from heard.pos.store.schema import TABLES

_COLUMNS = (
    "organization_id, request_type, request_uid, body_hash, body, own_organization, own_location, callback_url,"
    " received_at, attempt, status, answer, word, pos_order_id"
)
_OF_KEY = "organization_id = $1 AND request_type = $2 AND request_uid = $3"


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request that came for the first time."""

    key: Key
    body_hash: bytes
    body: bytes = field(repr=False)
    location: Location
    callback_url: str | None


@dataclass(frozen=True, slots=True)
class Final:
    """The answer that a request has from now on: its own members, and whole, as a callback brings it."""

    status: int
    answer: bytes = field(repr=False)
    whole: bytes = field(repr=False)
    word: str
    pos_order_id: str | None


class Store:
    """One kit's memory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def unreachable(self) -> tuple[type[Exception], ...]:
        """What says that the database cannot be reached."""
        return self._database.unreachable

    @property
    def faults(self) -> tuple[type[Exception], ...]:
        """Whatever the database may raise."""
        return self._database.faults

    async def prepare(self) -> None:
        """Make the tables that are missing."""
        await self._database.prepare(TABLES)

    async def close(self) -> None:
        await self._database.close()

    async def _count(self, statement: Statement) -> int:
        """How many rows it has written or deleted."""
        [done] = await self._database.write(statement)
        return done.changed

    # --- requests -----------------------------------------------------------------------------------------

    async def find(self, key: Key) -> Record | None:
        rows = await self._database.read(f"SELECT {_COLUMNS} FROM pos_requests WHERE {_OF_KEY}", *_key(key))
        return _record(rows[0]) if rows else None

    async def find_order(self, organization_id: str | None, ref: str) -> Record | None:
        """A request by its request_uid, else a submit by its POS order id; a submit comes before a validate.

        `organization_id` None: the caller named none, and the ref alone decides.
        """
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM pos_requests"
            " WHERE (request_uid = $1 OR pos_order_id = $1) AND ($2 = '' OR organization_id IN ($2, ''))"
            " AND request_type <> 'cancel-order'"
            " ORDER BY CASE WHEN request_uid = $1 THEN 0 ELSE 1 END, request_type, received_at DESC LIMIT 1",
            ref,
            organization_id or "",
        )
        return _record(rows[0]) if rows else None

    async def find_ticket(self, location: Location, pos_order_id: str) -> Record | None:
        """The answered submit behind one of your tickets; the latest, since a POS may number anew each day."""
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM pos_requests WHERE pos_order_id = $1 AND own_organization = $2"
            " AND own_location = $3 AND request_type = 'place-order' AND status = 200"
            " ORDER BY received_at DESC LIMIT 1",
            pos_order_id,
            location.organization_id,
            location.location_id,
        )
        return _record(rows[0]) if rows else None

    async def begin(self, new: NewRequest, lease_s: float) -> bool:
        """Write a request down, leased to us; False when it is known already."""
        own = new.location
        statement = Statement(
            "INSERT INTO pos_requests (organization_id, request_type, request_uid, body_hash, body, own_organization,"
            " own_location, callback_url, received_at, attempt, lease_until)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {now}, 1, {now} + $9) ON CONFLICT DO NOTHING",
            (
                *(*_key(new.key), new.body_hash, new.body, own.organization_id, own.location_id),
                *(new.callback_url, lease_s),
            ),
        )
        return await self._count(statement) > 0

    async def keep_answered(self, new: NewRequest, final: Final) -> bool:
        """Write a request down together with its answer, without its body; False when it is known already."""
        own = new.location
        statement = Statement(
            "INSERT INTO pos_requests (organization_id, request_type, request_uid, body_hash, own_organization,"
            " own_location, received_at, attempt, status, answer, word, pos_order_id)"
            " VALUES ($1, $2, $3, $4, $5, $6, {now}, 1, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            (
                *(*_key(new.key), new.body_hash, own.organization_id, own.location_id),
                *(final.status, final.answer, final.word, final.pos_order_id),
            ),
        )
        return await self._count(statement) > 0

    async def finish(self, key: Key, attempt: int, final: Final) -> bool:
        """Give a request its answer; False when another attempt has taken over. Queues the callback it was promised."""
        finished, _ = await self._database.write(
            Statement(
                "UPDATE pos_requests SET status = $4, answer = $5, word = $6, pos_order_id = $7, lease_until = NULL"
                f" WHERE {_OF_KEY} AND attempt = $8 AND status IS NULL",
                (*_key(key), final.status, final.answer, final.word, final.pos_order_id, attempt),
            ),
            Statement(
                f"{_NEWS} WHERE {_OF_KEY} AND attempt = $5 AND answer = $6 AND deferred = 1"
                f" AND callback_url IS NOT NULL{_NEWS_AGAIN}",
                (*_key(key), final.whole, attempt, final.answer),
            ),
        )
        return finished.changed > 0

    async def defer(self, key: Key) -> bool:
        """The caller is told 202 and hears the outcome by callback; False when there is an answer already."""
        sql = f"UPDATE pos_requests SET deferred = 1 WHERE {_OF_KEY} AND status IS NULL"
        return await self._count(Statement(sql, _key(key))) > 0

    async def renew(self, key: Key, attempt: int, lease_s: float) -> bool:
        """Keep a lease; False when it is lost."""
        statement = Statement(
            f"UPDATE pos_requests SET lease_until = {{now}} + $5 WHERE {_OF_KEY} AND attempt = $4 AND status IS NULL",
            (*_key(key), attempt, lease_s),
        )
        return await self._count(statement) > 0

    async def take_over(self, lease_s: float) -> list[Record]:
        """Lease requests that nobody works on any more: their process died."""
        statement = Statement(
            "UPDATE pos_requests SET attempt = attempt + 1, lease_until = {now} + $1"
            " WHERE status IS NULL AND lease_until < {now}"
            " AND (organization_id, request_type, request_uid) IN"
            " (SELECT organization_id, request_type, request_uid FROM pos_requests"
            " WHERE status IS NULL AND lease_until < {now} ORDER BY lease_until LIMIT $2{skip})"
            f" RETURNING {_COLUMNS}",
            (lease_s, limits.TAKE_OVER_MAX),
        )
        [done] = await self._database.write(statement)
        return [_record(row) for row in done.rows]

    async def forget(self, older_s: float) -> int:
        """Let go of answered requests that nobody can repeat any more: of a batch of them; how many."""
        return await self._count(
            Statement(
                "DELETE FROM pos_requests WHERE status IS NOT NULL AND received_at < {now} - $1"
                " AND (organization_id, request_type, request_uid) IN"
                " (SELECT organization_id, request_type, request_uid FROM pos_requests"
                " WHERE status IS NOT NULL AND received_at < {now} - $1 LIMIT $2)",
                (older_s, limits.FORGET_BATCH_MAX),
            )
        )

    # --- callbacks ----------------------------------------------------------------------------------------

    async def report(self, key: Key, before: bytes, answer: bytes, whole: bytes, word: str) -> bool:
        """News of a submit answered `before`: its answer from now on, and what its hub must hear, which is `whole`.

        False when its answer is another one by now: then the news must be put together again.
        """
        told, _ = await self._database.write(
            Statement(
                f"UPDATE pos_requests SET answer = $4, word = $5 WHERE {_OF_KEY} AND status = 200 AND answer = $6",
                (*_key(key), answer, word, before),
            ),
            Statement(
                f"{_NEWS} WHERE {_OF_KEY} AND status = 200 AND answer = $5 AND callback_url IS NOT NULL{_NEWS_AGAIN}",
                (*_key(key), whole, answer),
            ),
        )
        return told.changed > 0

    async def due_callbacks(self, lease_s: float, count: int) -> list[DueCallback]:
        """Lease so many callbacks that are due: until then, no other process takes them."""
        statement = Statement(
            "UPDATE pos_callbacks SET next_at = {now} + $1 WHERE next_at <= {now}"
            " AND (organization_id, request_type, request_uid) IN"
            " (SELECT organization_id, request_type, request_uid FROM pos_callbacks"
            " WHERE next_at <= {now} ORDER BY next_at LIMIT $2{skip})"
            " RETURNING organization_id, request_type, request_uid, number, url, body, attempts,"
            " {now} - made_at AS age_s",
            (lease_s, count),
        )
        [done] = await self._database.write(statement)
        return [_due(row) for row in done.rows]

    async def callback_heard(self, callback: DueCallback) -> None:
        """It arrived, or is given up; news that came meanwhile stays due."""
        await self._database.write(
            Statement(
                f"DELETE FROM pos_callbacks WHERE {_OF_KEY} AND number = $4",
                (*_key(callback.key), callback.number),
            )
        )

    async def callback_failed(self, callback: DueCallback, delay_s: float) -> None:
        await self._database.write(
            Statement(
                "UPDATE pos_callbacks SET attempts = attempts + 1, next_at = {now} + $5"
                f" WHERE {_OF_KEY} AND number = $4",
                (*_key(callback.key), callback.number, delay_s),
            )
        )

    # --- whose id is whose --------------------------------------------------------------------------------

    async def own_location(self, organization_id: str, location_id: str) -> Location | None:
        """Your location for PAR's ids; None when it is not mapped."""
        rows = await self._database.read(
            "SELECT own_organization, own_location FROM pos_locations WHERE organization_id = $1 AND location_id = $2",
            organization_id,
            location_id,
        )
        return Location(rows[0]["own_organization"], rows[0]["own_location"]) if rows else None

    async def add_location(self, mapped: Mapped) -> bool:
        """Write a mapping, over an older one of the same ids; False when it was there like this already."""
        statement = Statement(
            "INSERT INTO pos_locations (organization_id, location_id, own_organization, own_location)"
            " VALUES ($1, $2, $3, $4) ON CONFLICT (organization_id, location_id) DO UPDATE"
            " SET own_organization = excluded.own_organization, own_location = excluded.own_location"
            " WHERE pos_locations.own_organization <> excluded.own_organization"
            " OR pos_locations.own_location <> excluded.own_location",
            (mapped.organization_id, mapped.location_id, mapped.own.organization_id, mapped.own.location_id),
        )
        return await self._count(statement) > 0

    async def remove_location(self, organization_id: str, location_id: str) -> bool:
        """False when there was none."""
        statement = Statement(
            "DELETE FROM pos_locations WHERE organization_id = $1 AND location_id = $2",
            (organization_id, location_id),
        )
        return await self._count(statement) > 0

    async def locations(self, count: int, after: tuple[str, str] = ("", "")) -> list[Mapped]:
        """A page of mappings, by PAR's ids; `after` is the last pair of the page before."""
        rows = await self._database.read(
            "SELECT organization_id, location_id, own_organization, own_location FROM pos_locations"
            " WHERE (organization_id, location_id) > ($1, $2) ORDER BY organization_id, location_id LIMIT $3",
            *after,
            count,
        )
        return [
            Mapped(row["organization_id"], row["location_id"], Location(row["own_organization"], row["own_location"]))
            for row in rows
        ]


# The hub of $1 $2 $3 is to hear $4; what it has not heard yet is replaced. The number only grows, whatever the clock
# does: whoever brought the older news must not take the newer for heard.
_NEWS = (
    "INSERT INTO pos_callbacks"
    " (organization_id, request_type, request_uid, number, url, body, made_at, attempts, next_at)"
    " SELECT organization_id, request_type, request_uid, CAST({now} * 1000000 AS bigint), callback_url,"
    " CAST($4 AS {bytes}), {now}, 0, {now} FROM pos_requests"
)
_NEWS_AGAIN = (
    " ON CONFLICT (organization_id, request_type, request_uid) DO UPDATE SET number ="
    " CASE WHEN excluded.number > pos_callbacks.number THEN excluded.number ELSE pos_callbacks.number + 1 END,"
    " body = excluded.body, made_at = excluded.made_at, attempts = 0, next_at = excluded.next_at"
)


def _key(key: Key) -> tuple[str, str, str]:
    return key.organization_id, key.request_type, key.request_uid


def _record(row: Row) -> Record:
    return Record(
        key=Key(row["organization_id"], row["request_type"], row["request_uid"]),
        body_hash=row["body_hash"],
        body=row["body"],
        location=Location(row["own_organization"], row["own_location"]),
        received_at_s=row["received_at"],
        attempt=row["attempt"],
        status=row["status"],
        answer=row["answer"],
        word=row["word"],
        pos_order_id=row["pos_order_id"],
        callback_url=row["callback_url"],
    )


def _due(row: Row) -> DueCallback:
    return DueCallback(
        key=Key(row["organization_id"], row["request_type"], row["request_uid"]),
        number=row["number"],
        url=row["url"],
        body=row["body"],
        attempts=row["attempts"],
        age_s=row["age_s"],
    )
