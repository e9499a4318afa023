"""A flood in small: real processes, many more connections than requests that may be under way."""

from pathlib import Path

from overload import overload


async def test_a_flood_is_answered_at_once_and_leaves_each_accepted_order_once_and_no_other(own_folder: Path) -> None:
    flood = await overload(own_folder, 0.8, 600)
    assert flood.wrongs() == []
    assert flood.back_after_s < 10.0
