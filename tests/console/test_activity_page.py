"""Activity: what happened is counted once, shown over an hour, a day and a month, and is one organization's own."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

from builders import ORGANIZATION, a_store
from heard.domain.figures import What
from heard.domain.ids import LocationId, OrganizationId, VenueId, ids_from
from heard.domain.order.model import Status
from heard.domain.people import Role
from heard.engine.add_parties import add_store
from heard.storage import figures
from heard.storage.figures import Of
from heard.storage.partitions import Kept
from heard.work.figures import count_what_is_over
from parties import Town, a_town
from visiting import Guest, a_guest

KEPT = Kept(orders_months=13, exchanges_days=30)
HOSTILE = "</script><img src=x onerror=alert(1)>\u202e" + "W" * 1_900


class Past:
    """Orders of a time that is over, as the hub would have left them."""

    def __init__(self, town: Town) -> None:
        self.pool, self.venue_id, self.number = town.house.hub.pool, town.venue_id, 0

    async def order(
        self,
        at: datetime,
        became: str = "confirmed",
        after_s: float = 2.0,
        calls: tuple[int | None, ...] = (200,),
        whose: str = ORGANIZATION,
        venue_id: str | None = None,
    ) -> None:
        """An order of a time, what became of it so long after, and the statuses of its calls to the POS."""
        self.number += 1
        tail = f"{self.number:016d}"
        order_id, ended = ids_from("ord", at) + tail, at + timedelta(seconds=after_s)
        await self.pool.execute(
            "INSERT INTO orders (organization_id, order_id, venue_id, marketplace_id, external_order_id, currency,"
            " total, received_at, accept_by, status, validation, ticket, version, sequence, attempts, parked)"
            " VALUES ($1, $2, $3, 'mkt', $2, 'USD', 1, $4, $4, $5, 'passed', 'placed', 1, 0, 0, false)",
            whose, order_id, venue_id or self.venue_id, at, "completed" if became == "confirmed" else became,
        )  # fmt: skip
        await self.pool.execute(
            "INSERT INTO events (organization_id, event_id, marketplace_id, order_id, sequence, kind, body, created_at)"
            " VALUES ($1, $2, 'mkt', $3, 1, $4, '', $5)",
            whose, ids_from("evt", ended) + tail, order_id, "rejected" if became == "failed" else became, ended,
        )  # fmt: skip
        for n, status in enumerate(calls):
            await self.pool.execute(
                "INSERT INTO exchanges (organization_id, exchange_id, order_id, at, direction, peer, method, path,"
                " status, ms) VALUES ($1, $2, $3, $4, 'out', 'pos', 'POST', '/', $5, 100)",
                whose, f"{ids_from('exc', at)}{tail[1:]}{n}", order_id, at, status,
            )  # fmt: skip


async def go_to(town: Town, at: datetime) -> None:
    """Move the business clock."""
    await town.house.hub.pool.execute('UPDATE clock SET "offset" = $1 - clock_timestamp()', at)


def table(guest: Guest, name: str) -> list[list[str]]:
    """The rows of a chart's table that say something, as they are read."""
    body = guest.page.partition(f'id="table-{name}"')[2].partition("</table>")[0].partition("<tbody>")[2]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in body.split("</tr>")[:-1]]
    plain = [[re.sub(r"<[^>]*>", "", cell).strip() for cell in row] for row in rows]
    return [row for row in plain if any(cell not in ("0", "-") for cell in row[1:])]


def rows_of(guest: Guest, title: str) -> list[str]:
    """The lines of a table by store or by channel, each as one text."""
    body = guest.page.partition(f'aria-label="{title}"')[2].partition("</section>")[0].partition("<tbody>")[2]
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in body.split("</tr>")[:-1]]


async def test_a_hub_without_an_order_says_how_the_first_one_comes_about(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.VIEWER)
        for over in ("hour", "day", "month"):
            assert (await guest.get(f"/console/activity?over={over}")).status == 200
            assert "make demo" in guest.text
            assert "<table" not in guest.page
        assert (await guest.get("/console/activity?over=year")).status == 404
        assert (await guest.get("/console/activity?of=ven_nobodys")).status == 404
        assert await count_what_is_over(town.house.hub, KEPT) == 0
        assert (await Guest(town).get("/console/activity")).status == 303


async def test_an_order_that_went_through_is_in_the_last_hour_with_its_time_and_its_calls(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.COMPLETED)
        guest = await a_guest(town, Role.VIEWER)
        for over in ("hour", "day", "month"):
            await guest.get(f"/console/activity?over={over}")
            [orders], [times] = table(guest, "orders")[-1:], table(guest, "times")[-1:]
            assert sum(int(row[1]) for row in table(guest, "orders")) == 1, over
            assert sum(int(row[2]) for row in table(guest, "orders")) == 1, over
            assert orders[3:] == ["0", "0", "0"]
            assert all(cell.endswith(("ms", "s")) for cell in times[1:]), times
            assert table(guest, "lost")[-1][1:] == ["0.0 %", "0.0 %"]
            assert rows_of(guest, "By channel")[0].startswith("nosh 1 1 0 0 0")
            assert rows_of(guest, "By store")[0].startswith("Acme One 1 1 0 0 0")


async def test_what_became_of_orders_counts_when_it_did_and_lost_calls_are_told(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        past, now = Past(town), datetime.now(UTC)
        for minute, became in ((9, "confirmed"), (8, "rejected"), (7, "failed"), (6, "cancelled")):
            await past.order(now - timedelta(minutes=minute), became, calls=(200, None, 503, 422))
        guest = await a_guest(town, Role.VIEWER)
        await guest.get("/console/activity")
        rows = table(guest, "orders")
        assert [sum(int(row[n]) for row in rows) for n in range(1, 6)] == [4, 1, 1, 1, 1]
        assert "… orders lost 66.7 %" in guest.text
        assert "… POS calls lost 50.0 % of 16" in guest.text
        assert "Orders a minute now 0.0" in guest.text


async def test_an_hour_is_counted_once_whoever_counts_and_however_often(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        past, hub = Past(town), town.house.hub
        now = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
        await go_to(town, now)
        for hours, count in ((5, 3), (3, 2), (1, 1)):
            for n in range(count):
                await past.order(now - timedelta(hours=hours, minutes=n), after_s=90 * 60 if hours == 5 else 2)
        counted = await asyncio.gather(*(count_what_is_over(hub, KEPT) for _ in range(4)))
        assert sum(counted) == 5, "the hour that is under way is left"
        assert await count_what_is_over(hub, KEPT) == 0
        await past.order(now - timedelta(minutes=1), "rejected")
        guest = await a_guest(town)
        for over in ("day", "month"):
            await guest.get(f"/console/activity?over={over}")
            rows = table(guest, "orders")
            assert [sum(int(row[n]) for row in rows) for n in (1, 2, 3)] == [7, 6, 1], over
            assert rows_of(guest, "By store")[0].startswith("Acme One 7 6 1 0 0")
        await go_to(town, now + timedelta(minutes=39))
        assert await count_what_is_over(hub, KEPT) == 0, "what is not committed yet may belong to the hour before"
        await go_to(town, now + timedelta(minutes=41))
        assert await count_what_is_over(hub, KEPT) == 1
        await guest.get("/console/activity?over=day")
        assert sum(int(row[1]) for row in table(guest, "orders")) == 7


async def test_what_no_worker_has_counted_is_said_and_is_there_once_one_has(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        past, now = Past(town), datetime.now(UTC)
        await past.order(now - timedelta(hours=10))
        await past.order(now - timedelta(minutes=10))
        guest = await a_guest(town)
        await guest.get("/console/activity?over=day")
        assert "is not counted yet" in guest.text
        assert sum(int(row[1]) for row in table(guest, "orders")) == 1
        await count_what_is_over(town.house.hub, KEPT)
        await guest.get("/console/activity?over=day")
        assert "is not counted yet" not in guest.text
        assert sum(int(row[1]) for row in table(guest, "orders")) == 2


async def test_a_day_of_a_month_is_the_stores_own(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:  # the town's store is in New York
        hub, past = town.house.hub, Past(town)
        tokyo = VenueId(hub.new_id("ven", await hub.now()))
        await add_store(
            hub, a_store(venue_id=tokyo, location_id=LocationId("LOC-2"), name="Tokyo", timezone="Asia/Tokyo")
        )
        await go_to(town, datetime(2026, 3, 20, 12, tzinfo=UTC))
        for venue_id, at in (
            (town.venue_id, datetime(2026, 3, 10, 3, 59, tzinfo=UTC)),  # 23:59 there: clocks went forward on the 8th
            (town.venue_id, datetime(2026, 3, 10, 4, 1, tzinfo=UTC)),
            (tokyo, datetime(2026, 3, 10, 14, 59, tzinfo=UTC)),
            (tokyo, datetime(2026, 3, 10, 15, 1, tzinfo=UTC)),
            (tokyo, datetime(2026, 1, 10, 15, 1, tzinfo=UTC)),  # too long ago
        ):
            await past.order(at, after_s=1, venue_id=venue_id)
        assert await count_what_is_over(hub, KEPT) > 24 * 9
        guest = await a_guest(town)
        await guest.get("/console/activity?over=month")
        assert [(row[0], row[1]) for row in table(guest, "orders")] == [
            ("Mon 09 Mar", "1"),
            ("Tue 10 Mar", "2"),
            ("Wed 11 Mar", "1"),
        ]
        assert guest.page.count('<time datetime="2026-03-') + guest.page.count('<time datetime="2026-02-') == 3 * 30
        await guest.get(f"/console/activity?over=month&of={tokyo}")
        assert "Activity of Tokyo" in guest.text
        assert [(row[0], row[1]) for row in table(guest, "orders")] == [("Tue 10 Mar", "1"), ("Wed 11 Mar", "1")]


async def test_figures_older_than_the_orders_they_are_of_are_forgotten(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        past, hub, now = Past(town), town.house.hub, datetime.now(UTC)
        await past.order(now - timedelta(hours=2))
        await count_what_is_over(hub, KEPT)
        assert await hub.pool.fetchval("SELECT count(*) FROM figures") > 0
        await go_to(town, now + timedelta(days=100))
        await count_what_is_over(hub, Kept(orders_months=1, exchanges_days=30))
        assert await hub.pool.fetchval("SELECT count(*) FROM figures") == 0


async def test_another_organizations_orders_count_for_nobody_else(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, past, now = town.house.hub, Past(town), datetime.now(UTC)
        theirs = VenueId(hub.new_id("ven", await hub.now()))
        other = a_store(organization_id=OrganizationId("rival"), venue_id=theirs, name="Rival's")
        await add_store(hub, other)
        for hours in (0, 5):
            await past.order(now - timedelta(hours=hours, minutes=1))
            for _ in range(3):
                await past.order(now - timedelta(hours=hours, minutes=1), whose="rival", venue_id=theirs)
        await count_what_is_over(hub, KEPT)
        ours, everybody = await a_guest(town), await a_guest(town, login="root", whose=None)
        for over, mine, all_ in (("hour", 1, 4), ("day", 2, 8), ("month", 2, 8)):
            await ours.get(f"/console/activity?over={over}")
            await everybody.get(f"/console/activity?over={over}")
            assert sum(int(row[1]) for row in table(ours, "orders")) == mine, over
            assert sum(int(row[1]) for row in table(everybody, "orders")) == all_, over
            assert "Rival" not in ours.page
            assert any(row.startswith(f"Rival&#39;s {all_ - mine} ") for row in rows_of(everybody, "By store")), over
        assert (await ours.get(f"/console/activity?of={theirs}")).status == 404


async def test_a_hostile_name_is_text_wherever_it_stands(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        past, pool = Past(town), town.house.hub.pool
        await pool.execute("UPDATE stores SET name = $1", HOSTILE)
        await pool.execute("UPDATE marketplaces SET name = $1", HOSTILE[:200])
        await past.order(datetime.now(UTC) - timedelta(minutes=1))
        guest = await a_guest(town)
        for address in ("/console/activity", f"/console/activity?over=month&of={town.venue_id}"):
            await guest.get(address)
            assert "<img src=x" not in guest.page
            assert "</script><img" not in guest.page
            assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in guest.page
            assert " style=" not in guest.page
            assert " onclick" not in guest.page


async def test_hours_are_read_by_their_partitions_and_not_by_all_orders_there_are(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        past, now = Past(town), datetime.now(UTC)
        for days in (20, 10, 0):
            await past.order(now - timedelta(days=days, minutes=1))
        async with town.house.hub.connection() as connection:
            found = await figures.happened(connection, Of(ORGANIZATION), now - timedelta(hours=1), now, "minute")
            counts = {(one.what, one.count) for one in found if one.venue_id is not None}
            assert counts == {(str(what), 1) for what in (What.RECEIVED, What.CONFIRMED, What.CALL_ANSWERED)}
            none = await figures.happened(
                connection, Of(ORGANIZATION), now - timedelta(hours=3), now - timedelta(hours=1), "hour"
            )
            assert none == []
