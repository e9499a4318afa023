"""Every command that steers a hub does the same over its admin API as where its database is, and fails as plainly."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from asking import a_key, an_order_body, credentials
from builders import ORGANIZATION
from heard.domain.ids import OrderId
from heard.domain.order_types import OrderType
from heard.engine.add_parties import add_application
from heard.engine.singular_points import add_point
from heard.protocols.admin.auth import SCOPES
from heard.storage.sealing import new_key
from parties import Town, a_town
from typed import Typist, app_of

# What stands for something else in every run differs from run to run.
_CHANGING = (
    (r"\b(ord|ven|mkt|app|spt|evt|whk|key|req|sub|val|exc)_[0-9a-z]{26}\b", r"\1_ID"),
    (r"\breq_[0-9a-f]{24}\b", "req_ID"),
    (r"\b(hcs|whsec)_[\w+/=-]+", r"\1_SECRET"),
    (r"\b[0-9a-f]{32}\b", "KEY"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "TIME"),
    (r"\d\d:\d\d:\d\d\.\d{3}", "TIME"),
    (r'"ms": [\d.]+', '"ms": MS'),
    (r"(?m)  +\d+$", "  MS"),
    (r"\b\d+s\b", "AGE"),
    (r"  +", "  "),
    (r"\b[A-Z]-\d+\b", "NUMBER"),
    (r"\bm\d+\b", "NAME"),
    (r"\bTRY-[0-9A-Z]{16}\b", "NUMBER"),
    (r'"by": "(key a test|staff)"', '"by": "WHO"'),  # a key has a name, and who sits at the database has none
)
# The commands that make or read what no hub needs to run for, and so work on the database.
ON_THE_DATABASE = {"stores add", "menus pull", "menus import", "menus show", "menus diff", "menus lint"}


@dataclass(slots=True)
class Scene:
    """A town, and someone who types there: with a key over a socket, or where the database is."""

    town: Town
    abroad: Typist
    at_home: Typist
    folder: Path
    count: int = 0

    async def order(self, status: str, **columns: object) -> str:
        """A new order that stands where a command wants it."""
        self.count += 1
        order_id = await self.town.send(f"A-{self.count}")
        named = {"status": status, **columns}
        settings = ", ".join(f"{name} = ${place}" for place, name in enumerate(named, 2))
        await self.town.house.hub.pool.execute(
            f"UPDATE orders SET {settings} WHERE order_id = $1", order_id, *named.values()
        )
        return OrderId(order_id)


Make = Callable[[Scene], Awaitable[str]]


def an_order(status: str, **columns: object) -> Make:
    return lambda scene: scene.order(status, **columns)


async def another_endpoint(scene: Scene) -> str:
    """One that nobody has used yet; those of the runs before are gone, since a marketplace may have but some."""
    pool = scene.town.house.hub.pool
    await pool.execute("UPDATE endpoints SET removed_at = now() WHERE url LIKE '%/another'")
    status, out, err = await scene.at_home.types("webhooks", "add", "nosh", "https://nosh.example/another", "--json")
    assert status == 0, err
    endpoint_id: str = json.loads(out)["endpoint_id"]
    return endpoint_id


async def an_event(scene: Scene) -> str:
    event_id: str = await scene.town.house.hub.pool.fetchval("SELECT event_id FROM events ORDER BY event_id LIMIT 1")
    return event_id


async def a_new_name(scene: Scene) -> str:
    scene.count += 1
    return f"m{scene.count}"


async def an_application(scene: Scene) -> str:
    """The same one each time."""
    pool = scene.town.house.hub.pool
    if not await pool.fetchval("SELECT count(*) FROM marketplaces WHERE name = 'loyalty'"):
        await add_application(scene.town.house.hub, ORGANIZATION, "loyalty")
    return "loyalty"


async def a_point(scene: Scene) -> str:
    """Another one each time."""
    store = await scene.town.house.hub.store(scene.town.venue_id)
    assert store is not None
    return (
        await add_point(scene.town.house.hub, store, await a_new_name(scene), [OrderType.TAKEOUT])
    ).singular_point_id


async def a_file(scene: Scene) -> str:
    """With an order that has no number yet."""
    file = scene.folder / "order.json"
    file.write_text(json.dumps(an_order_body(scene.town, external_order_id=None)))
    return str(file)


async def the_venue(scene: Scene) -> str:
    return scene.town.venue_id


# What a word of a command stands for; made anew for each run.
STANDS_FOR: dict[str, Make] = {
    "WAITING": an_order("awaiting_staff"),
    "CONFIRMED": an_order("confirmed", ticket="by_hand"),
    "IN_PREP": an_order("in_prep", ticket="by_hand"),
    "READY": an_order("ready", ticket="by_hand"),
    "PARKED": an_order("submitting", parked=True),
    "DIFFERS": an_order("confirmed", attention="totals_differ"),
    "VENUE": the_venue,
    "ANOTHER": another_endpoint,
    "EVENT": an_event,
    "NEW": a_new_name,
    "APP": an_application,
    "POINT": a_point,
    "FILE": a_file,
}

# Each command, and what is typed before it so that it finds the same each time.
COMMANDS: list[tuple[str, str]] = [
    ("orders list", ""),
    ("orders list --open --limit 2", ""),
    ("orders list --attention --status submitting", ""),
    ("orders show WAITING", ""),
    ("orders accept WAITING --prep-time 20", ""),
    ("orders reject WAITING --reason item_unavailable --note buns", ""),
    ("orders start CONFIRMED", ""),
    ("orders ready IN_PREP", ""),
    ("orders complete READY", ""),
    ("orders eta CONFIRMED --minutes 25", ""),
    ("orders cancel CONFIRMED --reason store_closed", ""),
    ("orders cancel READY", ""),
    ("orders retry PARKED", ""),
    ("orders resolve DIFFERS --note done", ""),
    ("orders try VENUE --as nosh --file FILE", "stores set VENUE --sandbox"),
    ("orders try VENUE --as gobble --file FILE", "stores set VENUE --sandbox"),
    ("orders try VENUE --as nosh --file FILE", "stores set VENUE --no-sandbox"),
    ("stores list", ""),
    ("stores list --after VENUE", ""),
    ("stores show VENUE", ""),
    ("stores pause VENUE --reason water --minutes 30", ""),
    ("stores pause VENUE --reason water", ""),
    ("stores hours VENUE mon-fri=08:00-22:00 sat,sun=10:00-02:00", ""),
    ("stores hours VENUE --always", ""),
    ("stores hours VENUE mon=8-22", ""),
    ("stores taxes --rounding half-even --per order", ""),
    ("points list VENUE", ""),
    ("points add VENUE --name NEW --order-type takeout", ""),
    ("points add VENUE --name NEW --order-type drone", ""),
    ("points remove POINT", ""),
    ("points remove spt_none", ""),
    ("stores resume VENUE", "stores pause VENUE --reason water"),
    ("stores resume VENUE", "stores resume VENUE"),
    ("stores disconnect VENUE nosh", "stores connect VENUE nosh"),
    ("stores disconnect VENUE nosh", "stores disconnect VENUE nosh"),
    ("stores connect VENUE nosh", "stores disconnect VENUE nosh"),
    ("stores connect VENUE gobble", ""),
    ("stores set VENUE --price-check accept --no-validate-first", ""),
    ("stores hours VENUE mon-fri=08:00-22:00 sat,sun=10:00-02:00", "stores hours VENUE --always"),
    ("stores taxes --per order", "stores taxes --per line"),
    ("menus list VENUE", ""),
    ("menus publish VENUE", "menus unpublish VENUE"),
    ("menus unpublish VENUE", "menus publish VENUE"),
    ("menus unpublish VENUE", "menus unpublish VENUE"),
    ("menus publish ven_none", "menus publish VENUE"),
    ("items off VENUE FRIES --minutes 60", "items on VENUE FRIES"),
    ("items off VENUE FRIES", "items off VENUE FRIES --minutes 5"),
    ("items off VENUE PIZZA --minutes 60", ""),
    ("items off ven_none FRIES", ""),
    ("items list VENUE", "items off VENUE FRIES --minutes 60"),
    ("items list VENUE --limit 1", "items off VENUE FRIES"),
    ("items list ven_none", ""),
    ("items on VENUE FRIES", "items off VENUE FRIES"),
    ("items on VENUE FRIES", "items on VENUE FRIES"),
    ("webhooks endpoints", ""),
    ("webhooks endpoints gobble", ""),
    ("webhooks add nosh https://nosh.example/more", ""),
    ("webhooks rotate-secret ANOTHER --keep-old-hours 2", ""),
    ("webhooks rotate-secret ANOTHER --keep-old-hours 0", ""),
    ("webhooks disable ANOTHER", ""),
    ("webhooks enable ANOTHER --resend", "webhooks disable ANOTHER"),
    ("webhooks enable ANOTHER", "webhooks enable ANOTHER"),
    ("webhooks remove ANOTHER", ""),
    ("webhooks list --due --limit 3", ""),
    ("webhooks list --before EVENT", ""),
    ("webhooks show EVENT", ""),
    ("webhooks resend EVENT", ""),
    ("webhooks resend EVENT --endpoint whk_none", ""),
    ("webhooks replay --since 2020-01-01 --all --dry-run", ""),
    ("webhooks replay --since 2020-01-01 --marketplace nosh", ""),
    ("webhooks replay --since 2020-01-01 --all --endpoint ANOTHER", ""),
    ("marketplaces list", ""),
    ("marketplaces add NEW --webhook-url https://m.example/", ""),
    ("marketplaces add nosh --webhook-url https://m.example/", ""),
    ("marketplaces rotate-secret nosh --keep-old-hours 1", ""),
    ("marketplaces rotate-secret nosh --keep-old-hours 0", ""),
    ("marketplaces revoke-tokens nosh", "marketplaces revoke-tokens nosh"),
    ("marketplaces scopes nosh orders,menus", ""),
    ("marketplaces scopes nosh orders,admin", ""),
    ("marketplaces scopes gobble orders", ""),
    ("marketplaces disable nosh", "marketplaces enable nosh"),
    ("marketplaces enable nosh", "marketplaces disable nosh"),
    ("marketplaces enable nosh", "marketplaces enable nosh"),
    ("applications disable nosh", ""),
    ("applications list", ""),
    ("applications add NEW", ""),
    ("applications add APP", ""),
    ("applications connect APP VENUE", "applications disconnect APP VENUE"),
    ("applications disconnect APP VENUE", "applications connect APP VENUE"),
    ("applications rotate-secret APP --keep-old-hours 1", ""),
    ("applications revoke-tokens APP", ""),
    ("applications scopes APP order", ""),
    ("applications scopes APP orders", ""),
    ("applications disable APP", "applications enable APP"),
    ("applications enable APP", "applications disable APP"),
    ("payments show", "payments provider acme none"),
    ("payments provider acme test", ""),
    ("payments provider acme stripe --secret-env PATH --url https://stripe.example", ""),
    ("payments provider acme stripe --secret-env NO_SUCH_VARIABLE", ""),
    ("payments provider acme stripe --secret-file no-such-file", ""),
    ("payments provider acme test --url https://stripe.example", ""),
    ("payments provider acme paypal", ""),
]
NOUNS = ("orders", "stores", "menus", "items", "webhooks", "marketplaces", "applications", "payments", "points")


def settled(text: str) -> str:
    for pattern, word in _CHANGING:
        text = re.sub(pattern, word, text)
    return text


async def a_scene(
    town: Town, dsn: str, key: str, monkeypatch: pytest.MonkeyPatch, folder: Path, scopes: str = ""
) -> Scene:
    abroad = {"HEARD_HUB_URL": town.hub_url, "HEARD_ADMIN_KEY": await a_key(town, scopes or " ".join(SCOPES))}
    at_home = {"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key}
    return Scene(town, Typist(abroad, monkeypatch), Typist(at_home, monkeypatch), folder)


async def typed(scene: Scene, typist: Typist, command: str, before: str) -> tuple[int, str, str]:
    meant = {word: await STANDS_FOR[word](scene) for word in command.split() if word in STANDS_FOR}
    words = [meant.get(word, word) for word in command.split()]
    if before:
        names = {"VENUE": scene.town.venue_id, **meant}
        assert (await scene.at_home.types(*(names.get(word, word) for word in before.split())))[0] == 0
    status, out, err = await typist.types(*words)
    return status, settled(out), settled(err)


async def test_every_command_does_the_same_over_the_admin_api_as_on_the_database(
    dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = new_key()
    async with a_town(dsn, worker=False, settings={"HEARD_SECRET_KEY": key}) as town:
        scene = await a_scene(town, dsn, key, monkeypatch, tmp_path)
        for command, before in COMMANDS:
            for form in (command, f"{command} --json"):
                there = await typed(scene, scene.abroad, form, before)
                here = await typed(scene, scene.at_home, form, before)
                assert there == here, form
                assert (there[0] == 0) == (not there[2].startswith("heard: ")), form
                assert there[1] or there[2], form


def test_every_command_that_steers_is_in_the_table() -> None:
    there_are = {f"{noun} {name}" for noun in NOUNS for name in app_of(noun) if not name.startswith("-")}
    assert {" ".join(command.split()[:2]) for command, _ in COMMANDS} == there_are - ON_THE_DATABASE


# --- failing roads ----------------------------------------------------------------------------------------


async def test_a_key_that_may_not_is_told_which_scope_is_missing(
    dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = new_key()
    async with a_town(dsn, worker=False, pulled=False, settings={"HEARD_SECRET_KEY": key}) as town:
        for command, scope in (
            ("orders list", "read"),
            ("orders accept ord_1", "orders"),
            ("stores resume ven_1", "stores"),
            ("menus publish ven_1", "menus"),
            ("items off ven_1 FRIES", "menus"),
            ("items list ven_1", "read"),
            ("webhooks resend evt_1", "webhooks"),
            ("webhooks remove whk_1", "admin"),
            ("marketplaces disable nosh", "admin"),
        ):
            others = " ".join(one for one in SCOPES if one != scope)
            scene = await a_scene(town, dsn, key, monkeypatch, tmp_path, others)
            said = f"heard: HEARD_ADMIN_KEY: This needs a key with the scope '{scope}'.\n"
            assert await scene.abroad.types(*command.split()) == (1, "", said)


async def test_a_hub_or_a_key_that_is_wrong_is_said_in_one_line_that_names_the_setting(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        cases = (
            ({"HEARD_HUB_URL": town.hub_url, "HEARD_ADMIN_KEY": "hak_wrong"}, "HEARD_ADMIN_KEY: the hub does not take"),
            ({"HEARD_HUB_URL": town.hub_url}, "HEARD_ADMIN_KEY: is needed with HEARD_HUB_URL"),
            ({"HEARD_HUB_URL": f"{town.hub_url}/link/v2", "HEARD_ADMIN_KEY": "k"}, "HEARD_HUB_URL: http://127.0.0.1:"),
            ({"HEARD_HUB_URL": "http://127.0.0.1:1", "HEARD_ADMIN_KEY": "k"}, "HEARD_HUB_URL: http://127.0.0.1:1: no"),
            ({"HEARD_HUB_URL": "hub.example", "HEARD_ADMIN_KEY": "k"}, "hub.url (HEARD_HUB_URL): 'hub.example' must"),
            ({"HEARD_HUB_URL": "https://u:p@hub.example", "HEARD_ADMIN_KEY": "k"}, "hub.url (HEARD_HUB_URL): "),
        )
        for settings, said in cases:
            status, out, err = await Typist(settings, monkeypatch).types("orders", "list")
            assert (status, out, err.count("\n")) == (1, "", 1), err
            assert err.startswith(f"heard: {said}"), err
            assert "hak_wrong" not in err


async def test_another_organizations_order_is_not_there_for_a_key(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await town.send("A-1")
        foreign = await a_key(town, " ".join(SCOPES), of="another")
        typist = Typist({"HEARD_HUB_URL": town.hub_url, "HEARD_ADMIN_KEY": foreign}, monkeypatch)
        for words in (("show",), ("accept",), ("cancel",)):
            status, out, err = await typist.types("orders", *words, order_id)
            assert (status, out, err) == (1, "", f"heard: There is no order '{order_id}'; see `heard orders list`.\n")
        assert (await typist.types("orders", "list"))[1].startswith("No orders yet")
        assert credentials(town)["client_id"] not in (await typist.types("orders", "list", "--json"))[1]


async def test_what_needs_the_database_is_not_done_to_another_one_than_the_hubs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typist = Typist({"HEARD_HUB_URL": "https://hub.example", "HEARD_ADMIN_KEY": "k"}, monkeypatch)
    for command in ("stores add --organization a --location b --connector manual", "keys list"):
        status, out, err = await typist.types(*command.split())
        assert (status, out) == (1, "")
        assert err.startswith("heard: HEARD_HUB_URL: names a hub elsewhere")
