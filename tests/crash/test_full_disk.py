"""The database's disk is full: orders are refused clearly, none that was accepted is lost, and it goes on by itself."""

import asyncio
import json
from pathlib import Path

import pytest
from storm_disk import a_disk

from asking import a_token, an_order_body, ask_json, problem_of
from heard.storage.embedded import EmbeddedPostgres
from lengths import patience
from parties import Town, a_town

ORDERS = "/link/v2/orders"


async def test_a_full_disk_is_refused_clearly_and_resumed_by_itself(own_folder: Path) -> None:
    with a_disk(own_folder / "pg") as disk:
        if not disk.small:
            pytest.skip("nobody may mount a small disk here")
        server = await EmbeddedPostgres.start(own_folder / "pg")
        try:
            async with a_town(server.dsn, worker=False) as town:
                token = await a_token(town)
                accepted = [number for number in ("B-1", "B-2") if await sent(town, token, number) == 201]
                assert len(accepted) == 2
                disk.fill()
                for number in range(400):
                    status = await sent(town, token, f"F-{number}")
                    accepted += [f"F-{number}"] * (status == 201)
                    if status == 503:
                        break
                assert status == 503, "the disk was never full"
                disk.empty()
                await server.ensure()  # as `heard serve` does every other second
                async with patience():
                    while await sent(town, token, "Z-1") == 503:
                        await asyncio.sleep(0.1)
                rows = await town.house.hub.pool.fetch("SELECT external_order_id FROM orders")
                stored = [row["external_order_id"] for row in rows]
                assert len(stored) == len(set(stored))
                assert set(accepted) <= set(stored)
                assert "Z-1" in stored
        finally:
            await server.close()


async def sent(town: Town, token: str, number: str) -> int:
    """The status of the answer to an order; one of which nothing came is refused with a time to come again."""
    body = json.dumps({**an_order_body(town, number), "placed_at": "2026-03-14T12:00:00Z", "notes": number * 200})
    answer = await ask_json(town, ORDERS, body.encode(), token)
    if answer.status not in (200, 201):
        problem_of(answer, 503, "unavailable")
        assert "retry-after" in answer.headers
    return answer.status
