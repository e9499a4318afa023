"""Judging menus: the same verdict here, apart, from scratch and beside what is remembered; a dead judge is replaced."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings

from builders import LOCATION, a_menu
from heard.bench.menu import make_menu
from heard.domain.ids import LocationId
from heard.domain.menu.diff import diff_menus
from heard.domain.menu.index import index_menu
from heard.domain.menu.lint import lint_menu
from heard.domain.menu.model import Menu
from heard.domain.menu.traits import Severity
from heard.engine.judge_apart import JudgeApart
from heard.engine.judge_menu import MenuJudge, Verdict, read_document
from heard.protocols.posnext.encode import encode_menu
from menu_builders import menus, repriced

MANY = 1_000_000


def judged(menu: Menu, judge: MenuJudge | None = None, before: Verdict | None = None) -> Verdict:
    known = (before.version or "", before.document) if before else None
    return (judge or MenuJudge(MANY)).judge("s", encode_menu(menu), LOCATION, known)


def same(one: Verdict, other: Verdict) -> bool:
    return replace(one, took_ms={}) == replace(other, took_ms={})


@given(menus, menus)
@settings(deadline=None)
def test_a_menu_is_judged_the_same_beside_another_as_alone(one: Menu, other: Menu) -> None:
    judge = MenuJudge(MANY)
    judged(one, judge)
    beside, alone = judged(other, judge), judged(other)
    assert same(replace(beside, changes={}), alone)
    findings = lint_menu(other, LOCATION)
    if any(finding.severity is Severity.ERROR for finding in findings):
        assert alone.version is None
        assert alone.findings == tuple(one for one in findings if one.severity is Severity.ERROR)[:100]
    else:
        assert alone.findings == findings[:100]
        assert alone.document is not None
        assert read_document(alone.document) == other
        assert alone.index == index_menu(other, alone.version or "")


def test_a_menu_without_price_rules_has_the_version_it_always_had() -> None:
    assert judged(a_menu()).version == "edfc246c40bef597"


@given(menus, menus)
@settings(deadline=None)
def test_two_menus_are_one_version_exactly_when_nothing_differs(one: Menu, other: Menu) -> None:
    first, second = judged(one), judged(other)
    if first.version is not None and second.version is not None:
        assert (first.version == second.version) is (diff_menus(one, other) == ())


def test_changes_are_counted_against_the_version_in_use_whether_it_is_remembered_or_not() -> None:
    judge = MenuJudge(MANY)
    first = judged(a_menu(), judge)
    dear = repriced(a_menu(), "COLA", 999)
    for one in (judge, MenuJudge(MANY)):
        assert judged(dear, one, first).changes == {"price": 1}


def test_what_is_remembered_is_bounded_but_the_last_menu_stays() -> None:
    judge = MenuJudge(4)
    for name in ("a", "b", "c"):
        judge.judge(name, encode_menu(a_menu()), LOCATION)
    assert list(judge.remembered) == ["c"]


@pytest.fixture
def apart() -> Iterator[JudgeApart]:
    judge = JudgeApart()
    yield judge
    judge.close()


def test_a_judge_apart_says_the_same_and_builds_an_index_on_the_one_there_is(apart: JudgeApart) -> None:
    here, body = MenuJudge(MANY), make_menu(3_000)
    location = LocationId("bench")
    first = here.judge("s", body, location)
    told = apart.judge("s", body, location, None, None, None)
    assert same(told, first)
    assert first.version is not None
    assert apart.remembers("s", first.version)
    other = body.replace(b'"id":"P7",', b'"id":"Q7",').replace(b'"state":"available"', b'"state":"hidden"', 1)
    second = here.judge("s", other, location, (first.version, None))
    told = apart.judge("s", other, location, first.version, None, told.index)
    assert same(told, second)
    assert told.index is not None
    assert "P7" not in told.index.product_types
    assert second.document is not None
    assert apart.index("s", second.version or "", second.document) == second.index


def test_a_judge_that_was_killed_is_replaced_and_forgets_what_it_remembered(apart: JudgeApart) -> None:
    body = encode_menu(a_menu())
    first = apart.judge("s", body, LOCATION, None, None, None)
    assert apart._child is not None
    os.kill(apart._child.pid, signal.SIGKILL)
    apart._child.wait()
    assert not apart.remembers("s", first.version or "")
    told = apart.judge("s", body, LOCATION, first.version, first.document, first.index)
    assert same(told, replace(first, changes={}))


def test_what_cannot_be_read_is_a_verdict_too(apart: JudgeApart) -> None:
    told = apart.judge("s", b'{"location_id":', LOCATION, None, None, None)
    assert told.version is None
    assert [finding.code for finding in told.findings] == ["malformed_json"]
    assert apart.judge("s", encode_menu(a_menu()), LOCATION, None, None, None).version is not None
