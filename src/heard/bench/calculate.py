"""`heard bench calculate`: how many carts a second a hub prices by estimate, over HTTP. Beside it: a bare route of the
same server that decodes the same body with the same code, and answers a constant.

Both are programs of their own, pelted in turns so that a noisy machine is noisy to each.
"""

import base64
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from heard.bench.pelting import pelt
from heard.bench.programs import Say, hub_environment, running, url_of
from heard.bench.result import Result, cpu_s, median_ratio, ms, percentile, rss_mb
from heard.bootstrap import House, open_house
from heard.config import load
from heard.domain.ids import LocationId, ModifierId, OrganizationId, ProductId, SingularPointId, VenueId, uuid_of
from heard.domain.menu.model import (
    Availability,
    ComboComponent,
    Menu,
    MenuSection,
    Modifier,
    ModifierGroup,
    Product,
    ProductType,
)
from heard.domain.money import Cents
from heard.domain.order_types import OrderType
from heard.domain.stores import ConnectorKind, Store
from heard.engine.add_parties import NewApplication, add_application, add_store, connect_store
from heard.engine.singular_points import add_point
from heard.net.call import Answer, Call
from heard.net.listening import listening
from heard.protocols.ordering.auth import ORDER
from heard.protocols.posnext import encode
from heard.work.menus import import_menu

RATIO_LIMIT = 0.4
_ROUNDS = 9
_CONNECTIONS = 32
_ORGANIZATION, _LOCATION = OrganizationId("bench"), LocationId("bench-1")
_LINES = 12  # one of them is a combo
_AVAILABLE = Availability.AVAILABLE


@dataclass(slots=True)
class _Side:
    """One of the two programs, and how each of its rounds went."""

    pid: int
    port: int
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    async def round(self, requests: list[bytes]) -> None:
        before = cpu_s(self.pid)
        pelted = await pelt("127.0.0.1", self.port, requests, _CONNECTIONS)
        assert not pelted.refused, f"{pelted.refused} requests of the benchmark were refused"
        self.rates.append(len(requests) / pelted.took_s)
        self.cpu_us.append((cpu_s(self.pid) - before) / len(requests) * 1e6)
        self.latencies += pelted.latencies


async def calculate(count: int, say: Say) -> Result:
    """So many requests each way in each of nine rounds; medians."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name, listening("127.0.0.1", 0) as hub_socket:
        Path(name).chmod(0o755)
        url, port = url_of(hub_socket), hub_socket.getsockname()[1]
        environment = hub_environment(Path(name), port)
        async with open_house(load(environment)) as house:
            application, point = await _introduce(house)
            hub_socket.close()  # the hub process takes the port over
            say("a store with its menu and an application are there")
            async with running([sys.executable, "-m", "heard", "serve"], url, environment) as pid, _bare() as bare:
                token = await _token(house, url, application)
                request, body = _request(application.application_key, token, point)
                ours = _Side(pid, port)
                for number in range(_ROUNDS):
                    for side in (bare, ours):
                        await side.round([request] * count)
                    say(f"round {number + 1} of {_ROUNDS}: {ours.rates[-1]:,.0f}/s, bare {bare.rates[-1]:,.0f}/s")
                return _result(count, len(body), ours, bare, rss_mb(pid))


async def _introduce(house: House) -> tuple[NewApplication, SingularPointId]:
    """A store whose menu is there; no POS is asked for an estimate."""
    hub = house.hub
    store = Store(
        organization_id=_ORGANIZATION,
        venue_id=VenueId(hub.new_id("ven", await hub.now())),
        location_id=_LOCATION,
        name="Bench",
        currency="USD",
        timezone="America/New_York",
        pos=None,
        connector=ConnectorKind.MANUAL,
    )
    await add_store(hub, store)
    await import_menu(hub, store, encode.encode_menu(_menu()))
    application = await add_application(hub, _ORGANIZATION, "bench")
    await connect_store(hub, store.venue_id, application.application_id)
    point = await add_point(hub, store, "Counter", [OrderType.TAKEOUT])
    return application, point.singular_point_id


async def _token(house: House, url: str, application: NewApplication) -> str:
    credentials = f"{application.application_id}:{application.client_secret}".encode()
    headers = {
        "application": application.application_key,
        "authorization": f"Basic {base64.b64encode(credentials).decode()}",
        "content-type": "application/x-www-form-urlencoded",
    }
    form = f"grant_type=client_credentials&scope={ORDER}".encode()
    answer = await house.outbound.send(Call("POST", f"{url}/api/oauth/tokens", headers, form, 10.0, 10_000))
    assert isinstance(answer, Answer), answer
    token: str = json.loads(answer.body)["data"]["oauth_token"]["access_token"]
    return token


@asynccontextmanager
async def _bare() -> AsyncIterator[_Side]:
    with listening("127.0.0.1", 0) as bound:
        bound.set_inheritable(True)
        command = [sys.executable, "-m", "heard.bench.bare_calculate", str(bound.fileno())]
        async with running(command, url_of(bound), dict(os.environ), (bound.fileno(),)) as pid:
            yield _Side(pid, bound.getsockname()[1])


def _menu() -> Menu:
    """Dishes with choices, and a combo of two of them."""
    dishes = tuple(_dish(number) for number in range(_LINES))
    parts = tuple(
        ComboComponent(name, (ProductId(f"DISH-{number}"),), 1, 1) for number, name in ((0, "Main"), (1, "Side"))
    )
    combo = Product(
        ProductId("COMBO"), "Combo", Cents(1499), _AVAILABLE, ProductType.COMBO, tax_category="food", components=parts
    )
    return Menu(_LOCATION, (MenuSection("M", "All day", (*dishes, combo)),), (("food", "8.875"), ("drinks", "6.5")))


def _dish(number: int) -> Product:
    sauces = ModifierGroup(
        "SAUCES",
        "Sauces",
        tuple(Modifier(ModifierId(f"SAUCE-{one}"), f"Sauce {one}", Cents(50 + one)) for one in range(4)),
        max_selected=3,
    )
    category = "drinks" if number % 3 == 2 else "food"
    price = Cents(899 + 37 * number)
    product_id = ProductId(f"DISH-{number}")
    return Product(product_id, f"Dish {number}", price, _AVAILABLE, tax_category=category, groups=(sauces,))


def _request(application_key: str, token: str, point: SingularPointId) -> tuple[bytes, bytes]:
    """A whole request and its body: twelve lines with choices, one of them a combo, and a discount."""
    items = [
        {"id": f"DISH-{one}", "quantity": 1 + one % 3, "modifiers": [{"id": "SAUCE-1"}, {"id": "SAUCE-2"}]}
        for one in range(_LINES - 1)
    ]
    parts = [{"id": "DISH-0", "quantity": 1}, {"id": "DISH-1", "quantity": 1}]
    cart = {
        "singular_point_id": uuid_of(point),
        "order_type": {"id": OrderType.TAKEOUT.value, "pickup_asap": True},
        "menu_items": items,
        "combo_meals": [{"id": "COMBO", "quantity": 1, "menu_items": parts}],
        "discounts": [{"discount_amount": 1000, "origin_type": "non_integrated"}],
        "discount_cards": [],
        "tip": 300,
        "calculate_accurate_tax": False,
    }
    body = json.dumps(cart).encode()
    head = (
        f"POST /api/orders/calculate HTTP/1.1\r\nhost: hub\r\napplication: {application_key}\r\n"
        f"x-api-authorization: Bearer {token}\r\napi-version: 4.44.0\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body, body


def _result(count: int, size: int, ours: _Side, bare: _Side, memory_mb: float) -> Result:
    return Result(
        name="calculate",
        rate_per_s=round(median(ours.rates), 1),
        limit_per_s=round(median(bare.rates), 1),
        ratio=median_ratio(ours.rates, bare.rates),
        p50_ms=ms(percentile(ours.latencies, 50)),
        p99_ms=ms(percentile(ours.latencies, 99)),
        cpu_us_per_unit=round(median(ours.cpu_us)),
        rss_mb=round(memory_mb, 1),
        details={
            "ratio_limit": RATIO_LIMIT,
            "requests_per_round": count,
            "rounds": _ROUNDS,
            "body_bytes": size,
            "lines": _LINES,
            "at_once": _CONNECTIONS,
            "bare_p50_ms": ms(percentile(bare.latencies, 50)),
            "bare_cpu_us_per_unit": round(median(bare.cpu_us)),
            "cpu_ratio": round(median(bare.cpu_us) / median(ours.cpu_us), 3),
            "limit": "a bare route: the same server and the same decoding; it knows no caller, no menu and no price",
        },
    )
