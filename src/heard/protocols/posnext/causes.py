"""What made a wrong signature: the search through the known mistakes, and how a finding is told.

A finding may be pasted into a ticket: it holds neither the SharedId nor a key, token or whole digest.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from heard import limits
from heard.protocols.posnext.mistakes import MISTAKES, Mistake
from heard.protocols.posnext.recipe import Recipe


class Verdict(StrEnum):
    HOLDS = "holds"
    FAILS = "fails"
    SKIPPED = "skipped"  # there is nothing to check
    ADVICE = "advice"  # it holds, and could be better


@dataclass(frozen=True, slots=True)
class Found:
    """One known mistake that was made; `detail` says in which of its forms, or is empty."""

    name: str
    what: str
    detail: str
    fix: str


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. `causes` are the explanations found, each of one mistake or of two made together."""

    rule: str
    verdict: Verdict
    says: str
    causes: tuple[tuple[Found, ...], ...] = ()


def holds(rule: str, says: str) -> Check:
    return Check(rule, Verdict.HOLDS, says)


def fails(rule: str, says: str, *causes: tuple[Found, ...]) -> Check:
    return Check(rule, Verdict.FAILS, says, causes)


# --- naming the mistake -----------------------------------------------------------------------------------


def diagnose(given: str, right: Recipe) -> tuple[tuple[Found, ...], ...]:
    """The known mistakes that sign as `given`: every single one, else every pair; empty when none does."""
    given = given.strip()
    if not given.isascii() or same(right.sign(), given):
        return ()
    budget = _Budget()
    singles = [one for one in _variants(right, 0) if budget.pays(one.recipe)]
    found: list[tuple[Found, ...]] = [(one.found,) for one in singles if same(one.recipe.sign(), given)]
    if not found:
        found = list(_pairs(given, singles, budget))
    unique: dict[tuple[str, ...], tuple[Found, ...]] = {}
    for cause in found:
        unique.setdefault(tuple(one.name for one in cause), cause)  # two forms that sign alike are one explanation
    return tuple(unique.values())[: limits.DIAGNOSES_SHOWN_MAX]


@dataclass(frozen=True, slots=True)
class _Variant:
    place: int  # in the table
    found: Found
    recipe: Recipe


class _Budget:
    """How much may still be tried."""

    def __init__(self) -> None:
        self._tries = limits.DIAGNOSES_MAX
        self._bytes = limits.DIAGNOSE_HASHED_BYTES_MAX

    def pays(self, recipe: Recipe) -> bool:
        self._tries -= 1
        self._bytes -= len(recipe.text or b"")
        return self._tries >= 0 and self._bytes >= 0


def _variants(recipe: Recipe, beginning: int) -> Iterator[_Variant]:
    for place, mistake in enumerate(MISTAKES[beginning:], beginning):
        if mistake.applies(recipe):
            for detail, wrong in mistake.vary(recipe):
                yield _Variant(place, _found(mistake, detail), wrong)


def _pairs(given: str, singles: list[_Variant], budget: _Budget) -> Iterator[tuple[Found, ...]]:
    for first in singles:
        for second in _variants(first.recipe, first.place + 1):
            if not budget.pays(second.recipe):
                return
            if same(second.recipe.sign(), given):
                yield first.found, second.found


def _found(mistake: Mistake, detail: str) -> Found:
    return Found(mistake.name, mistake.what, detail, mistake.fix)


def same(made: str, given: str) -> bool:
    """Hex counts in either case, base64 only as it is: a spelling in lower case equals the lowered header."""
    return any(hmac.compare_digest(made.encode(), one.encode()) for one in (given, given.lower()))
