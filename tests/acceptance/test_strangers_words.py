"""Words that marketplaces choose, on an operator's terminal: they are shown, and do nothing there."""

import json
from typing import Any

import pytest

from asking import a_key, a_token, an_order_body, ask_json, credentials
from heard.cli.output import console, fail, print_head, print_rows
from parties import a_town
from typed import Typist

CURSOR_MOVES = "\x1b[2J\x1b]0;owned\x07"


def as_json(**body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize("number", ["[/]", "[bold red]A-1[/bold red]", ":pizza:", f"A-1{CURSOR_MOVES}", "A\r\nB"])
async def test_an_orders_number_is_shown_as_it_is_and_moves_no_cursor(
    dsn: str, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    async with a_town(dsn, worker=False) as town:
        token = await a_token(town, "orders stores")
        assert (await ask_json(town, "/link/v2/orders", as_json(**an_order_body(town, number)), token)).status == 201
        where = f"/link/v2/stores/{town.venue_id}/pause"
        assert (await ask_json(town, where, as_json(reason=f"no riders [/] {number}"), token)).status == 200
        settings = {"HEARD_HUB_URL": town.hub_url, "HEARD_ADMIN_KEY": await a_key(town, "read")}
        typist = Typist(settings, monkeypatch)
        order_id = await town.house.hub.pool.fetchval("SELECT order_id FROM orders")
        shown = number.encode("unicode_escape").decode()
        for words in (("orders", "list"), ("orders", "show", order_id)):
            status, out, err = await typist.types(*words)
            assert (status, err) == (0, ""), words
            assert shown in out, words
            assert not any((one < " " and one != "\n") or one == "\x7f" for one in out), words
        status, out, err = await typist.types("stores", "show", town.venue_id)
        assert (status, err) == (0, "")
        assert f"no riders [/] {shown}" in out
        assert credentials(town)["client_secret"] not in out


def test_whatever_prints_texts_prints_them_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    word = f"[/] :pizza: {CURSOR_MOVES}" + "x" * 200
    told = word.encode("unicode_escape").decode()
    console.print(word)
    print_head(word, word)
    print_rows("Rows", [{"a": word, "b": [word]}], {"a": "A", "b": "B"}, "none")
    print_rows("\nRows", [], {}, word)
    assert fail(word).code == 1
    out, err = capsys.readouterr()
    assert err == f"heard: {told}\n"
    assert out.splitlines() == [told, told * 2, "Rows", f"A{' ' * len(told)} B", f"{told}  {told}", told]
