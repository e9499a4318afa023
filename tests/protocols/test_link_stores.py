"""What Link tells of stores and their menus: golden bytes, read back as they were written."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from builders import MARKETPLACE, NOW, VENUE
from heard.domain.stores import HELD_BY_HUB, Pause, StoreEvent, StoreNotice, StoreStatus
from heard.protocols.link import encode, events, stores

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "link" / "stores"
MENU_URL = f"https://hub.example/link/v2/stores/{VENUE}/menu"
NOTICES = {
    "store_connected": StoreNotice(StoreEvent.CONNECTED),
    "store_disconnected": StoreNotice(StoreEvent.DISCONNECTED),
    "store_paused": StoreNotice(StoreEvent.PAUSED, HELD_BY_HUB, "pos_unreachable"),
    "store_paused_until": StoreNotice(
        StoreEvent.PAUSED, MARKETPLACE, "no riders near the store", NOW + timedelta(minutes=30)
    ),
    "store_resumed": StoreNotice(StoreEvent.RESUMED, HELD_BY_HUB),
    "menu_published": StoreNotice(StoreEvent.MENU_PUBLISHED, menu_version="4f1c2ab97d3e6085"),
    "menu_unpublished": StoreNotice(StoreEvent.MENU_UNPUBLISHED),
}


def an_event(notice: StoreNotice) -> bytes:
    return encode.encode_store_event(notice, VENUE, 7, NOW, MARKETPLACE, MENU_URL)


def a_status(*pauses: Pause, **changes: Any) -> StoreStatus:
    values: dict[str, Any] = {
        "venue_id": VENUE,
        "name": "Acme One",
        "currency": "USD",
        "timezone": "America/New_York",
        "prep_time_min": 15,
        "pauses": pauses,
        "menu_version": "4f1c2ab97d3e6085",
        "menu_kept_at": NOW,
    }
    return StoreStatus(**{**values, **changes})


HELD = (
    Pause(HELD_BY_HUB, "pos_unreachable", NOW),
    Pause("staff", "a flood", NOW, NOW + timedelta(minutes=90)),
    Pause(MARKETPLACE, "no riders near the store", NOW, NOW + timedelta(minutes=30)),
    Pause("mkt_other", "the people of Nosh strike", NOW),
)
HUB = "https://hub.example"
MESSAGES: dict[str, Callable[[], bytes]] = {
    **{name: (lambda notice=notice: an_event(notice)) for name, notice in NOTICES.items()},
    "store": lambda: stores.encode_store(a_status(), MARKETPLACE, HUB),
    "store_held": lambda: stores.encode_store(a_status(*HELD), MARKETPLACE, HUB),
    "store_list": lambda: stores.encode_store_list([a_status(menu_version=None)], MARKETPLACE, HUB, more=True),
    "store_list_end": lambda: stores.encode_store_list([], MARKETPLACE, HUB, more=False),
}


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_message_is_written_as_it_was_agreed(name: str) -> None:
    assert MESSAGES[name]() + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_every_golden_file_is_tested() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(MESSAGES)


def test_every_kind_of_event_has_its_golden_file() -> None:
    assert {notice.kind for notice in NOTICES.values()} == set(StoreEvent)


@pytest.mark.parametrize("held_by", [HELD_BY_HUB, "staff", MARKETPLACE])
def test_an_event_about_a_store_is_read_as_it_was_written(held_by: str) -> None:
    until = NOW + timedelta(minutes=30)
    raw = an_event(StoreNotice(StoreEvent.PAUSED, held_by, "a flood", until))
    news = events.decode_event("evt_1", raw)
    assert isinstance(news, events.StoreEvent)
    assert (news.venue_id, news.sequence, news.timestamp, news.until) == (VENUE, 7, NOW, until)
    assert news.reason == "a flood"
    assert news.by == {HELD_BY_HUB: "hub", "staff": "store"}.get(held_by, "channel")


def test_a_menus_events_are_about_its_store() -> None:
    raw = an_event(NOTICES["menu_published"])
    news = events.decode_event("evt_1", raw)
    assert isinstance(news, events.MenuEvent)
    assert (news.type, news.version, news.menu_url) == ("menu.published", "4f1c2ab97d3e6085", MENU_URL)


def test_the_words_of_another_marketplace_are_not_passed_on() -> None:
    raw = an_event(StoreNotice(StoreEvent.PAUSED, "mkt_other", "the people of Nosh strike"))
    news = events.decode_event("evt_1", raw)
    assert isinstance(news, events.StoreEvent)
    assert (news.by, news.reason) == ("channel", None)


def test_a_store_that_somebody_holds_is_not_open_and_says_who_without_naming_another_marketplace() -> None:
    told = json.loads(MESSAGES["store_held"]())
    assert told["open"] is False
    assert [(one["by"], one.get("reason")) for one in told["pauses"]] == [
        ("hub", "pos_unreachable"),
        ("store", "a flood"),
        ("you", "no riders near the store"),
        ("channel", None),
    ]
