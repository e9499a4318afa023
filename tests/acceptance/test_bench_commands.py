"""The benchmarks, in small: they run to their end, and what they count is counted rightly."""

import msgspec
import pytest

from builders import NOW
from heard.bench.past_events import past_events
from heard.bench.replay_receiver import OrderWatch
from heard.domain.ids import MarketplaceId
from lengths import long
from shell import Shell

NOSH = MarketplaceId("mkt_1")


@long
async def test_a_small_replay_brings_every_dead_letter_once_and_in_order(shell: Shell) -> None:
    status, out, err = await shell.run("bench", "replay", "--events", "500", "--json")
    assert status == 0, err
    result = msgspec.json.decode(out)
    told = result["details"]
    counted = {name: told[name] for name in ("events", "orders", "taken", "repeated", "forged", "not_delivered")}
    assert counted == {"events": 500, "orders": 91, "taken": 500, "repeated": 0, "forged": 0, "not_delivered": 0}
    assert (told["out_of_order"], told["out_of_order_limit"]) == (0, 0)
    assert told["took_s_limit"] == 60.0
    assert result["ratio"] == pytest.approx(result["rate_per_s"] / result["limit_per_s"], abs=0.01)
    assert "500 dead letters are written" in err


@long
async def test_a_small_feed_is_read_whole(shell: Shell) -> None:
    status, out, err = await shell.run("bench", "feed", "--events", "2500", "--json")
    assert status == 0, err
    result = msgspec.json.decode(out)
    told = result["details"]
    assert (told["events"], told["page"]) == (2500, 1000)
    assert told["took_s_limit"] == 5.0
    assert result["ratio"] == pytest.approx(result["rate_per_s"] / result["limit_per_s"], abs=0.01)
    assert "2,500 events are written" in err


@long
async def test_a_few_old_orders_are_written_over_the_months_and_asked_for_beside_fewer(shell: Shell) -> None:
    args = ("--orders", "1000", "--few", "100", "--each", "24")
    status, out, err = await shell.run("bench", "growth", *args, "--json")
    assert status == 0, err
    result = msgspec.json.decode(out)
    told = result["details"]
    assert (told["orders"], told["orders_few"], told["cost_times_limit"]) == (1000, 100, 1.2)
    dearest = max(told[f"{what}_cost_times"] for what in ("accept", "claim", "read"))
    assert result["ratio"] == pytest.approx(1 / dearest, abs=0.01)
    assert "1,000 old orders are written" in err
    assert err.count("round ") == 9


async def test_a_few_orders_are_taken_in_and_each_that_was_answered_is_stored(shell: Shell) -> None:
    status, out, err = await shell.run("bench", "accept", "--seconds", "0.1", "--rounds", "1", "--json")
    assert status == 0, err
    result = msgspec.json.decode(out)
    told = result["details"]
    assert told["orders"] > 100
    assert (told["refused"], told["answered_and_not_stored"]) == (0, 0)
    assert (told["ratio_limit"], told["p99_ms_limit"]) == (0.55, 50.0)
    assert result["ratio"] == pytest.approx(result["rate_per_s"] / result["limit_per_s"], abs=0.01)
    assert told["half_per_s"] == pytest.approx(result["rate_per_s"] / 2, rel=0.01)
    assert err.count("round ") == 1


async def test_a_few_due_orders_are_claimed_each_once_in_every_size_of_batch(shell: Shell) -> None:
    status, out, err = await shell.run("bench", "claims", "--orders", "500", "--rounds", "1", "--json")
    assert status == 0, err  # it ends otherwise where an order is had twice, or not at all
    result = msgspec.json.decode(out)
    told = result["details"]
    assert told["orders"] == 500
    assert {"by_12_per_s", "by_100_per_s", "saved_per_s"} <= told.keys()
    assert result["ratio"] == pytest.approx(result["rate_per_s"] / result["limit_per_s"], abs=0.01)


@long
async def test_a_few_deliveries_are_sent_beside_a_bare_sender(shell: Shell) -> None:
    words = ("--deliveries", "200", "--rounds", "1", "--json")
    status, out, err = await shell.run("bench", "webhooks", *words)
    assert status == 0, err
    result = msgspec.json.decode(out)
    told = result["details"]
    assert (told["not_delivered"], told["repeated"], told["forged"], told["paced"]) == (0, 0, 0, 200)
    assert 0 < result["p50_ms"] <= result["p99_ms"]
    assert result["ratio"] == pytest.approx(result["rate_per_s"] / result["limit_per_s"], abs=0.01)


@long
async def test_a_few_whole_orders_are_carried_beside_a_bare_program(shell: Shell) -> None:
    words = ("--orders", "10", "--burst", "50", "--rounds", "1", "--rate", "50", "--json")
    status, out, err = await shell.run("bench", "life", *words)
    assert status == 0, err
    result = msgspec.json.decode(out)
    told = result["details"]
    assert (told["orders_per_burst"], told["orders_at_a_pace"]) == (50, 10)
    assert (told["ratio_limit"], told["rate_per_s_limit"]) == (0.55, 1500.0)
    assert result["ratio"] == pytest.approx(result["rate_per_s"] / result["limit_per_s"], abs=0.01)


@long
async def test_a_few_orders_wait_for_a_dead_pos_and_those_of_other_stores_are_carried_beside_them(shell: Shell) -> None:
    words = ("--waiting", "10", "--orders", "10", "--rounds", "1", "--rate", "10", "--json")
    status, out, err = await shell.run("bench", "noisy", *words)
    assert status == 0, err
    result = msgspec.json.decode(out)
    told = result["details"]
    assert (told["waiting"], told["orders_each_way"], told["p99_times_limit"]) == (10, 10, 1.5)
    assert told["waiting_called"] == 0, "only the probe asks a POS that is gone"
    assert told["p99_times"] == max(told["at_pos_p99_times"], told["told_p99_times"])
    assert 0 < told["beside_at_pos_p50_ms"] <= told["beside_at_pos_p99_ms"]
    assert told["beside_at_pos_p50_ms"] < told["beside_told_p50_ms"]
    assert "10 orders wait for the dead POS" in err


@long
async def test_a_small_console_is_looked_at_and_each_open_board_hears_of_a_change(shell: Shell) -> None:
    words = ("--orders", "200", "--board", "45", "--consoles", "3", "--seconds", "1", "--rounds", "1", "--json")
    status, out, err = await shell.run("bench", "console", *words)
    assert status == 0, err
    result = msgspec.json.decode(out)
    told = result["details"]
    limits = {
        name: told[f"{name}_limit"] for name in ("board_ms", "change_ms", "order_page_ms", "consoles_cpu_percent")
    }
    assert limits == {"board_ms": 300.0, "change_ms": 500.0, "order_page_ms": 100.0, "consoles_cpu_percent": 10.0}
    assert (told["orders"], told["open_orders"], told["consoles"]) == (200, 45, 3)
    assert told["board_first_byte_ms"] <= told["board_ms"]
    assert (told["first_paint_ms"] is None) == ("nothing is painted" in err)
    assert told["first_paint_ms"] is None or told["first_paint_ms"] > 0
    assert told["told_each_console_bytes"] > 0, "an open board hears of the orders that come in"
    assert result["ratio"] == pytest.approx(result["rate_per_s"] / result["limit_per_s"], abs=0.01)


async def test_a_few_carts_are_priced_and_the_bare_addition_is_told_beside_them(shell: Shell) -> None:
    result = await shell.json("bench", "price", "--rounds", "2")
    told = result["details"]
    assert (told["carts"], told["p50_us_limit"]) == (400, 60.0)
    assert 0 < told["best_us"] <= told["p50_us"]
    assert told["times_bare"] == pytest.approx(told["p50_us"] / told["bare_p50_us"], rel=0.05)
    assert result["ratio"] == pytest.approx(told["bare_p50_us"] / told["p50_us"], abs=0.02)


@long
async def test_a_few_carts_are_calculated_over_http_beside_a_bare_route(shell: Shell) -> None:
    status, out, err = await shell.run("bench", "calculate", "--requests", "100", "--json")
    assert status == 0, err
    result = msgspec.json.decode(out)
    told = result["details"]
    assert (told["requests_per_round"], told["rounds"], told["lines"], told["ratio_limit"]) == (100, 9, 12, 0.4)
    assert told["cpu_ratio"] == pytest.approx(told["bare_cpu_us_per_unit"] / result["cpu_us_per_unit"], abs=0.01)
    assert err.count("round ") == 9


def test_the_receiver_tells_a_repeat_from_an_event_out_of_order() -> None:
    watch = OrderWatch()
    for event_id, order_id, sequence in (
        ("a1", "a", 1),
        ("b1", "b", 1),
        ("a2", "a", 2),
        ("a1", "a", 1),  # again
        ("b3", "b", 3),  # before b2
        ("b2", "b", 2),
        ("c2", "c", 2),  # without c1
    ):
        watch.take(event_id, order_id, sequence, 5.0)
    figures = watch.figures
    assert (figures.taken, figures.orders, figures.repeated, figures.out_of_order) == (6, 3, 1, 3)


def test_made_up_events_are_of_whole_orders_and_sort_by_their_time() -> None:
    events = past_events(1_000, NOSH, NOW)
    assert len({one.event_id for one in events}) == len(events) == 1_000
    assert [one.at for one in events] == sorted(one.at for one in events)
    orders: dict[str, list[int]] = {}
    for one in events:
        orders.setdefault(one.order_id, []).append(one.sequence)
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in orders.values())
    assert {len(sequences) for sequences in orders.values()} >= {5, 6}
    assert past_events(1_000, NOSH, NOW) == events
