"""What the kit must not forget: requests and their answers, which id is whose, callbacks on their way.

A SQLite file, or PostgreSQL when several processes serve; the same statements run on both.
"""

from heard.pos.store.database import Database, StoreError
from heard.pos.store.keep import Store
from heard.pos.store.postgres import PostgresDatabase
from heard.pos.store.records import DueCallback, Key, Mapped, Record
from heard.pos.store.sqlite import SqliteDatabase

__all__ = ["DueCallback", "Key", "Mapped", "Record", "Store", "StoreError", "open_store"]

_POSTGRES = ("postgresql://", "postgres://")


async def open_store(where: str) -> Store:
    """Open a file or a postgresql:// address, and make its tables. Raises StoreError in one line."""
    database: Database
    if not where.startswith(_POSTGRES) and ("://" in where or where.startswith(("postgresql:", "postgres:"))):
        raise StoreError("HEARD_POS_STORE: must be a file or postgresql://...")  # what it is may hold a password
    if where.startswith(_POSTGRES):
        database = await PostgresDatabase.open(where)
    else:
        database = await SqliteDatabase.open(where)
    store = Store(database)
    try:
        await store.prepare()
    except Exception as error:
        await store.close()
        if isinstance(error, store.faults):
            raise StoreError(f"HEARD_POS_STORE: the tables cannot be made: {error}") from None
        raise
    return store
