"""The program in docs/guides/operations.md works when pasted."""

import asyncio
import os
import re
import sys
from pathlib import Path

from asking import a_key
from lengths import patience
from parties import a_town

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "operations.md"


async def test_the_program_on_the_page_prints_what_a_person_should_look_at(dsn: str) -> None:
    [program] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    async with a_town(dsn, worker=False) as town:
        fine, wanted = await town.send("A-1"), await town.send("A-2")
        await town.house.hub.pool.execute("UPDATE orders SET attention = 'totals_differ' WHERE order_id = $1", wanted)
        settings = {"HEARD_HUB_URL": town.hub_url, "HEARD_ADMIN_KEY": await a_key(town, "read")}
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program), env={**os.environ, **settings}, stdout=asyncio.subprocess.PIPE
        )
        async with patience():
            out, _ = await running.communicate()
        [line] = out.decode().splitlines()
        assert line.split()[:2] == [wanted, "totals_differ"]
        assert "resolve" in line
        assert fine not in line
