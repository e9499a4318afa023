"""Orders of the Ordering API that a store does not take just now: each is refused, nothing is kept, nothing charged."""

import asyncio
from datetime import timedelta
from typing import Any

from counter import EVERY, TOTAL, Counter, a_counter
from heard import limits
from heard.domain.ids import SingularPointId, id_from_uuid, uuid_of
from heard.engine.disconnect_store import disconnect_store
from heard.engine.pause_store import pause_store
from heard.engine.publish_menu import unpublish_menu
from heard.engine.singular_points import add_point, remove_point
from ordering import data_of, paths_of, refusal_of
from parties import Town, a_town

TRACES = ("orders", "order_keys", "order_bodies", "test_charge_calls")


async def nothing_remains(town: Town) -> bool:
    counts = [await town.house.hub.pool.fetchval(f"SELECT count(*) FROM {table}") for table in TRACES]
    return not any(counts)


async def a_store_of(town: Town) -> Any:
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    return store


async def placed(counter: Counter, payment: str, **changes: Any) -> Any:
    return await counter.place(counter.order(payment, **changes))


async def test_a_store_that_was_disconnected_a_moment_ago_takes_no_order(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        payment = await counter.payment(TOTAL)
        data_of(await counter.calculate())  # whatever is remembered of the connection is remembered now
        await disconnect_store(town.house.hub, town.venue_id, "loyalty")
        refusal_of(await placed(counter, payment), 404, "unknown_singular_point")
        assert await nothing_remains(town)


async def test_a_singular_point_that_was_removed_takes_no_order_and_a_repeat_is_answered_as_before(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        before, after = await counter.payment(TOTAL), await counter.payment(TOTAL)
        first = data_of(await placed(counter, before), 201)["order"]["id"]
        await remove_point(town.house.hub, None, SingularPointId(id_from_uuid("spt", counter.point) or ""))
        refusal_of(await placed(counter, after), 404, "unknown_singular_point")
        refusal_of(await counter.initialize(TOTAL), 404, "unknown_singular_point")
        assert data_of(await placed(counter, before), 200)["order"]["id"] == first
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 1


async def test_a_payment_of_another_point_is_refused_before_any_pos_is_asked(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        counter = await a_counter(town)
        payment = await counter.payment(TOTAL)
        other = await add_point(town.house.hub, await a_store_of(town), "Table 2", EVERY)
        point = uuid_of(other.singular_point_id)
        await town.pos_dies()
        answer = await placed(counter, payment, singular_point_id=point, calculate_accurate_tax=True)
        error = refusal_of(answer, 404, "unknown_payment")
        assert paths_of(error) == [("$.payment_info.payment_init_hash", "other_singular_point")]
        assert await nothing_remains(town)


async def test_a_store_that_is_paused_or_has_its_menu_unpublished_takes_no_order(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter, hub = await a_counter(town), town.house.hub
        payment, store = await counter.payment(TOTAL), await a_store_of(town)
        await pause_store(hub, store, "staff", "the fryer is broken", 10)
        answer = await placed(counter, payment)
        error = refusal_of(answer, 422, "store_not_accepting")
        assert (paths_of(error), error["retryable"]) == ([("$.singular_point_id", "store_paused")], True)
        assert 0 < int(answer.headers["retry-after"]) <= 600
        await hub.pool.execute("DELETE FROM store_pauses")
        await unpublish_menu(hub, store)
        refusal_of(await placed(counter, payment), 422, "menu_not_synced")
        assert await nothing_remains(town)


class _Gone:
    """A pool whose database has just gone away."""

    def acquire(self, **_: Any) -> Any:
        raise ConnectionRefusedError("gone")


async def test_an_order_that_is_on_disk_is_answered_so_even_if_the_database_goes_away_then(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        counter, hub = await a_counter(town), town.house.hub
        body = counter.order(await counter.payment(TOTAL))
        pool = hub.pool
        placing = asyncio.create_task(counter.place(body))
        while not await pool.fetchval("SELECT count(*) FROM orders"):
            await asyncio.sleep(0.01)
        hub.pool = _Gone()  # type: ignore[assignment]
        try:
            first = data_of(await placing, 201)["order"]
            refusal_of(await counter.place(body), 503, "unavailable")
        finally:
            hub.pool = pool
        assert (first["payment"]["status"], first["customer_info"]["first_name"]) == ("PENDING", "Ada")
        # Nobody works, so that it still waits for its payment: the very same answer, read from the database.
        assert data_of(await counter.place(body), 200)["order"] == first


async def test_an_order_is_placed_no_further_ahead_than_a_guests_money_can_be_held(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        last = await town.house.hub.now() + timedelta(days=limits.PAID_AHEAD_DAYS_MAX)
        beyond = {"id": 6, "pickup_at": (last + timedelta(hours=1)).isoformat(timespec="seconds")}
        payment = await counter.payment(TOTAL)
        error = refusal_of(await placed(counter, payment, order_type=beyond), 422, "pickup_not_possible")
        assert paths_of(error) == [("$.order_type.pickup_at", "too_far_ahead")]
        assert await nothing_remains(town)
        within = {"id": 6, "pickup_at": (last - timedelta(hours=1)).isoformat(timespec="seconds")}
        assert data_of(await placed(counter, payment, order_type=within), 201)["order"]["status"] == "PENDING"
