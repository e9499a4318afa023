"""What a process shows of itself: figures, that it lives, that it can do its work, and the truth while it cannot."""

import asyncpg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from heard.bootstrap import watched
from heard.domain.order.model import Status
from heard.engine.metrics import GAUGES
from heard.net.call import Answer, Call
from parties import Town, a_town

WATCHED = {"HEARD_METRICS_PORT": "0"}


async def shown(town: Town, url: str) -> tuple[int, str]:
    answer = await town.house.outbound.send(Call("GET", url, {}, None, 10.0, 1 << 20))
    assert isinstance(answer, Answer)
    return answer.status, answer.body.decode()


def samples(text: str) -> dict[tuple[str, frozenset[str]], float]:
    """By name and the values of the labels."""
    families = text_string_to_metric_families(text)
    return {(one.name, frozenset(one.labels.values())): one.value for family in families for one in family.samples}


async def test_the_life_of_an_order_is_counted(dsn: str) -> None:
    async with a_town(dsn, settings=WATCHED) as town, watched(town.house) as url:
        assert url is not None
        before = samples((await shown(town, url))[1])
        await town.until(await town.send("A-1"), Status.READY)
        status, text = await shown(town, url)
    after = samples(text)
    assert status == 200

    def more(name: str, *labels: str) -> float:
        key = (name, frozenset(labels))
        return after.get(key, 0.0) - before.get(key, 0.0)

    assert more("heard_order_steps_total", "receive", "yes") == 1
    assert more("heard_request_seconds_count", "link", "201") == 1
    assert more("heard_call_seconds_count", "pos", "200") >= 2, "validate and submit"
    assert set(GAUGES) <= {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert after["heard_database_up", frozenset()] == 1.0
    assert after["heard_database_connections", frozenset({"idle"})] >= 1.0


async def test_a_database_out_of_reach_is_told_and_the_figures_stay(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_town(dsn, settings=WATCHED, worker=False) as town, watched(town.house) as url:
        assert url is not None

        def gone(*_: object, **__: object) -> None:
            raise asyncpg.ConnectionDoesNotExistError("gone")

        with monkeypatch.context() as broken:
            broken.setattr(town.house.hub, "connection", gone)
            status, text = await shown(town, url)
            readiness = await shown(town, url.replace("/metrics", "/readyz"))
            liveness = await shown(town, url.replace("/metrics", "/healthz"))
    assert (status, readiness[0], liveness[0]) == (200, 503, 200)
    assert samples(text)["heard_database_up", frozenset()] == 0.0
    assert "heard_orders_open" not in text


async def test_without_the_setting_nothing_is_shown_and_never_where_marketplaces_call(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town, watched(town.house) as url:
        assert url is None
        assert (await shown(town, f"{town.hub_url}/metrics"))[0] == 404


async def test_nothing_of_a_stranger_becomes_a_label(dsn: str) -> None:
    async with a_town(dsn, settings=WATCHED, worker=False) as town, watched(town.house) as url:
        assert url is not None
        await shown(town, f"{town.hub_url}/link/v2/orders/strange")
        await shown(town, f"{town.hub_url}/nosuch/path")
        _, text = await shown(town, url)
    families = {family.name: family for family in text_string_to_metric_families(text)}
    apis = {one.labels["api"] for one in families["heard_request_seconds"].samples}
    assert apis <= {"link", "ordering", "posnext", "admin", "console", "other"}
