"""`heard serve` and `heard work`: the hub's HTTP side and its workers, in one process or in many."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from heard import limits
from heard.bootstrap import House, first_link, open_house, serve_hub, watched
from heard.cli.arguments import whole
from heard.cli.output import console
from heard.cli.running import read_config, run, set_up_log, until_stopped
from heard.config import Config
from heard.net.listening import listening
from heard.net.serving import allow_many_connections, spare_the_collector
from heard.net.tracing import traced


def serve(
    *,
    with_worker: Annotated[bool, Parameter(negative="")] = False,
    host: str | None = None,
    port: Annotated[int, whole()] | None = None,
) -> None:
    """Serve the hub's HTTP side: Link for marketplaces, callbacks of POS systems, health.

    Orders are accepted and kept; to send them on, run `heard work` beside it, or serve --with-worker.

    For example:

        heard serve --with-worker --port 8080

    Parameters
    ----------
    with_worker
        Also work in this process: one process is then a whole hub.
    host
        The address to listen on (setting http.host).
    port
        The port to listen on, 0 for any free one (setting http.port).

    """
    config = read_config(http__host=host, http__port=None if port is None else str(port))
    set_up_log(config.get("log.level"))
    with traced(config.get("traces.endpoint")):
        gone_within_s = config.get("http.drain_s") + limits.GONE_WITHIN_S
        run(until_stopped(lambda: _serve(config, with_worker), gone_within_s))


def work() -> None:
    """Work: send due orders to their POS, deliver webhooks. Start as many as you like.

    For example:

        heard work
    """
    config = read_config()
    set_up_log(config.get("log.level"))
    with traced(config.get("traces.endpoint")):
        run(until_stopped(lambda: _work(config), limits.GONE_WITHIN_S))


async def _serve(config: Config, with_worker: bool) -> None:
    allow_many_connections()
    with listening(config.get("http.host"), config.get("http.port")) as bound:
        async with open_house(config) as house, watched(house) as figures:
            address, port = bound.getsockname()[:2]
            spare_the_collector()
            url = f"http://{address}:{port}"
            console.print(f"heard: serving on {url}" + (", with a worker" if with_worker else ""))
            _tell(figures)
            link = await first_link(house, url)
            if link is not None:
                console.print(f"heard: this link lets the first person into the console: {link}", soft_wrap=True)
            tasks = [serve_hub(house, bound)]
            if with_worker:
                tasks.append(house.worker().run())
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    group.create_task(task)
                group.create_task(_watch(house))


async def _work(config: Config) -> None:
    async with open_house(config) as house, watched(house) as figures:
        spare_the_collector()
        console.print("heard: working")
        _tell(figures)
        await house.worker().run()


def _tell(figures: str | None) -> None:
    if figures is not None:
        console.print(f"heard: metrics at {figures}")


async def _watch(house: House) -> None:
    """Bring a killed embedded server back, also while there is no worker that would notice."""
    while True:
        await asyncio.sleep(2.0)
        await house.recover()
