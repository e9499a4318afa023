"""When a POS counts as gone and as back: the rules, and properties of any course of calls and probes."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from builders import NOW
from heard import limits
from heard.domain.breaker import Answered, Failed, Outcome, PosHealth, ProbeFailed, Turn, decide
from heard.domain.ids import OrderId

ONE, TWO = OrderId("ord_1"), OrderId("ord_2")


def hear(*outcomes: Outcome, health: PosHealth | None = None, every_s: float = 1.0) -> tuple[PosHealth, list[Turn]]:
    """What follows from outcomes that come one after another."""
    known, turns = health or PosHealth(), []
    for number, outcome in enumerate(outcomes):
        known, turn = decide(known, outcome, NOW + timedelta(seconds=number * every_s), 0.5)
        turns += [turn] if turn else []
    return known, turns


def failures(count: int, *orders: OrderId) -> list[Failed]:
    return [Failed(orders[number % len(orders)], "no connection") for number in range(count)]


GONE, _ = hear(*failures(limits.BREAKER_FAILURES, ONE, TWO))


def test_enough_failures_in_a_row_of_two_orders_trip_the_breaker_once() -> None:
    almost, turns = hear(*failures(limits.BREAKER_FAILURES - 1, ONE, TWO))
    assert (almost.open_since, turns) == (None, [])
    more, turns = hear(*failures(limits.BREAKER_FAILURES + 20, ONE, TWO))
    assert turns == [Turn.TRIP]
    assert more.open_since == NOW + timedelta(seconds=limits.BREAKER_FAILURES - 1)
    assert more.last_fault == "no connection"


def test_a_blip_that_a_rush_of_orders_runs_into_pauses_nothing() -> None:
    known, turns = hear(*failures(100, ONE, TWO), every_s=0.01)
    assert turns == []
    _, turns = hear(Failed(ONE, "still"), health=replace(known, failing_since=NOW - timedelta(seconds=2)))
    assert turns == [Turn.TRIP]


def test_one_order_alone_never_pauses_a_store_and_the_second_does_at_its_first_failure() -> None:
    alone, turns = hear(*failures(50, ONE))
    assert turns == []
    _, turn = decide(alone, Failed(TWO, "no connection"), NOW + timedelta(seconds=60), 0.5)
    assert turn is Turn.TRIP


def test_a_sign_of_life_ends_the_row() -> None:
    row = failures(limits.BREAKER_FAILURES - 1, ONE, TWO)
    _, turns = hear(*row, Answered(), *row)
    assert turns == []


def test_failures_of_another_day_do_not_count() -> None:
    _, turns = hear(*failures(50, ONE, TWO), every_s=limits.BREAKER_FORGET_S + 1)
    assert turns == []


def test_a_pos_that_is_gone_is_probed_ever_more_seldom_and_never_less_than_once_a_minute() -> None:
    health, pauses = GONE, []
    assert health.probe_at is not None
    at = health.probe_at
    for _ in range(10):
        health, turn = decide(health, ProbeFailed("still gone"), at, 1.0)
        assert turn is None
        assert health.probe_at is not None
        pauses.append((health.probe_at - at).total_seconds())
        at = health.probe_at
    assert pauses == sorted(pauses)
    assert pauses[0] == 2 * limits.PROBE_FIRST_S
    assert pauses[-1] == limits.PROBE_CAP_S


def test_the_first_sign_of_life_lets_the_store_go_on_and_later_ones_turn_nothing() -> None:
    back, turns = hear(Answered(), Answered(), ProbeFailed("a late one"), health=GONE)
    assert turns == [Turn.RECOVER]
    assert (back.open_since, back.probe_at, back.failures) == (None, None, 0)


def test_after_it_came_back_it_takes_as_many_failures_again() -> None:
    back, _ = hear(Answered(), health=GONE)
    _, turns = hear(*failures(limits.BREAKER_FAILURES - 1, ONE, TWO), health=back)
    assert turns == []


OUTCOMES = st.one_of(
    st.just(Answered()),
    st.sampled_from([Failed(ONE, "a"), Failed(TWO, "b"), Failed(OrderId("ord_3"), "c")]),
    st.just(ProbeFailed("d")),
)
COURSES = st.lists(st.tuples(OUTCOMES, st.floats(0, 600), st.floats(0, 0.999)), max_size=60)


@given(COURSES)
def test_on_any_course_pauses_and_resumptions_alternate_and_what_is_gone_is_always_looked_for(
    course: list[tuple[Outcome, float, float]],
) -> None:
    health, now, turns = PosHealth(), NOW, []
    for outcome, pause_s, chance in course:
        now += timedelta(seconds=pause_s)
        before = health
        health, turn = decide(health, outcome, now, chance)
        turns += [turn] if turn else []
        assert (health.open_since is None) == (health.probe_at is None)
        assert (turn is Turn.TRIP) == (before.open_since is None and health.open_since is not None)
        assert (turn is Turn.RECOVER) == (before.open_since is not None and health.open_since is None)
        if turn is Turn.TRIP:
            assert health.failures >= limits.BREAKER_FAILURES
        if health.probe_at is not None and isinstance(outcome, ProbeFailed):
            assert timedelta(0) < health.probe_at - now <= timedelta(seconds=limits.PROBE_CAP_S)
    assert turns[::2] == [Turn.TRIP] * len(turns[::2])
    assert turns[1::2] == [Turn.RECOVER] * len(turns[1::2])


@given(st.lists(st.sampled_from([Answered(), Failed(ONE, "a"), Failed(TWO, "b")]), max_size=40))
def test_a_pos_that_answers_every_fourth_call_is_never_gone(outcomes: list[Outcome]) -> None:
    mixed = [
        part for n, outcome in enumerate(outcomes) for part in ((outcome, Answered()) if n % 3 == 2 else (outcome,))
    ]
    _, turns = hear(*mixed)
    assert turns == []
