"""A marketplace in a process of its own that sends nothing and keeps what it is told: by webhooks only, or by the feed
only. What it holds an order for is in a file; it can be killed at any time.
"""

import asyncio
import os
import sqlite3
from datetime import UTC, datetime, timedelta

import uvicorn

from heard.clients.link import LinkClient
from heard.clients.webhooks import Event, OrderEvent, SqliteSeen, WebhookReceiver

db = sqlite3.connect("marketplace.sqlite")
db.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, status TEXT, sequence INTEGER)")
db.execute("CREATE TABLE IF NOT EXISTS feed (id INTEGER PRIMARY KEY, cursor TEXT)")


def handle(event: Event) -> None:
    if isinstance(event, OrderEvent):
        db.execute("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", (event.order_id, event.status, event.sequence))


def now() -> datetime:
    """Time is simulated for every party at once."""
    return datetime.now(UTC) + timedelta(seconds=float(os.environ["AHEAD_S"]))


receiver = WebhookReceiver(os.environ["WEBHOOK_SECRET"], handle, seen=SqliteSeen(db), clock=now)


async def listen() -> None:
    port = int(os.environ["WEBHOOK_PORT"])
    await uvicorn.Server(uvicorn.Config(receiver, port=port, log_level="error")).serve()


async def follow() -> None:
    keys = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
    async with LinkClient(os.environ["HUB_URL"], *keys, allow=["127.0.0.0/8"]) as hub:
        cursor = db.execute("SELECT max(cursor) FROM feed").fetchone()[0]
        async for event, after in hub.follow_events(cursor):
            await receiver.take(event)
            with db:
                db.execute("INSERT OR REPLACE INTO feed VALUES (1, ?)", (after,))


asyncio.run({"webhooks": listen, "feed": follow}[os.environ["MODE"]]())
