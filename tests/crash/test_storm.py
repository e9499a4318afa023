"""A storm of faults over real processes: nothing is lost, nothing is doubled, and every cent adds up in the end.

The storm is storm.py; `make crash N=10000` lets it rage for longer. Whether it would find a fault of ours is tested by
planting some.
"""

import os
import re
from pathlib import Path

import pytest
from storm import KINDS, plan, storm
from storm_planted import PLANTED

from heard.storage import orders

_FAULTS = int(os.environ.get("STORM_FAULTS", "200"))
_HUNT = 14  # faults are enough to find a planted one
_SEED = int(os.environ.get("STORM_SEED", "2026"))

_EVERYWHERE = "CRASH_EVERYWHERE" in os.environ
_ALWAYS = ("no fencing",)  # found in the first storm, as a rule

# Which faults bring a planted one to light: their kind, whom they befall, how many come in a
# second; and in which words the ledgers tell it.
_HUNTED = {
    "answer before commit": ("kill", "serve", 2.0, r"was accepted as \w+, and is 0 times in the hub"),
    "no fencing": ("freeze", "", 3.0, r"has the events \[1, 1|has \d events, and its last is \d"),
    "resend without probing": ("kill", "kit", 0.5, r"has 2 tickets"),
    "event outside the transaction": ("kill", "work", 2.0, r"has \d events, and its last is \d"),
    "dedupe kept in memory": ("kill", "kit", 0.5, r"has 2 tickets"),
    "lease never expiring": ("kill", "work", 2.0, r"^\d+ orders move"),
}


async def test_after_a_storm_every_ledger_agrees(own_folder: Path) -> None:
    done = await storm(own_folder, plan(_SEED, _FAULTS), _SEED)
    assert done.wrongs == [], done.report()
    assert sum(done.ends.values()) > _FAULTS / 4
    assert done.ends["confirmed"] > _FAULTS / 8, "the storm was so strong that nothing was done"


@pytest.mark.parametrize("planted", PLANTED)
async def test_a_storm_finds_what_was_planted(own_folder: Path, planted: str) -> None:
    if planted not in _ALWAYS and not _EVERYWHERE:
        pytest.skip("takes minutes with the others: make crash-planted, or CRASH_EVERYWHERE=1")
    kind, whom, per_s, words = _HUNTED[planted]
    for seed in range(3):  # where a fault hits is chance
        place = own_folder / str(seed)
        place.mkdir()
        done = await storm(place, plan(seed, _HUNT, [kind], lambda name: whom in name, per_s), seed, planted)
        if any(re.search(words, wrong) for wrong in done.wrongs):
            return
    pytest.fail(f"three storms did not find it: {done.report()}")


def test_what_takes_the_fences_down_fits_the_statement_that_has_them() -> None:
    """Else a storm over it would find that nothing works, and not what it is to find."""
    save_all = orders.query
    try:
        PLANTED["no fencing"]()
        assert orders.query("orders_save") != save_all("orders_save")
    finally:
        orders.query = save_all


def test_a_seed_always_brings_the_same_storm() -> None:
    assert plan(7, 500) == plan(7, 500) != plan(8, 500)
    assert {fault.kind for fault in plan(7, 500)} == set(KINDS)
