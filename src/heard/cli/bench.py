"""`heard bench`: how fast this machine's hub is, beside the limit of the same machine."""

import sys
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import App, Parameter, validators

from heard.bench.result import Result
from heard.cli.arguments import Json, whole
from heard.cli.output import console, print_head, print_json
from heard.cli.running import run, set_up_log

app = App(name="bench", help="Measure the hub and, in the same run, the limit beside it.")


@app.command
def accept(
    *,
    seconds: Annotated[float, Parameter(validator=validators.Number(gte=0.1, lte=60))] = 4.0,
    rounds: Annotated[int, whole(1, 50)] = 5,
    json: Json = False,
) -> None:
    """New orders, each on disk before its answer: how many a second, beside PostgreSQL's own rate of single rows.

    Runs a hub without a worker on a temporary folder, and pgbench on the same PostgreSQL.

    For example:

        heard bench accept --json

    Parameters
    ----------
    seconds
        How long a round takes, of the hub and of pgbench each.
    rounds
        How many rounds, in turns.
    json
        Print one JSON document.

    """
    from heard.bench.accept import accept as measure

    _show(measure(seconds, rounds, _say), json)


@app.command
def life(
    *,
    rate: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=1000))] = 20.0,
    orders: Annotated[int, whole(10, 10_000)] = 300,
    burst: Annotated[int, whole(10, 100_000)] = 2_000,
    rounds: Annotated[int, whole(1, 50)] = 5,
    json: Json = False,
) -> None:
    """Whole orders: how many the hub carries a second, and how long it holds on to each before the POS hears of it.

    Runs a hub of its own on a temporary folder, and a bare program that makes the same calls and commits.

    For example:

        heard bench life --rate 20 --json

    Parameters
    ----------
    rate
        Orders per second while the overhead is measured.
    orders
        How many are sent at that pace, each way.
    burst
        How many are sent at once while the rate is measured.
    rounds
        How many such bursts, in turns to the hub and to the bare program.
    json
        Print one JSON document.

    """
    from heard.bench.life import life as measure

    _show(measure(rate, orders, burst, rounds, _say), json)


@app.command
def claims(
    *,
    orders: Annotated[int, whole(100, 1_000_000)] = 20_000,
    rounds: Annotated[int, whole(1, 50)] = 5,
    json: Json = False,
) -> None:
    """Due orders: how many a second the hub's claim leases, beside a bare claim of a bare table's rows.

    Needs no network: a database on a temporary folder, and two connections that claim.

    For example:

        heard bench claims --orders 20000 --json

    Parameters
    ----------
    orders
        How many are due at the beginning of each round.
    rounds
        How many rounds, in turns.
    json
        Print one JSON document.

    """
    from heard.bench.claims import claims as measure

    _show(measure(orders, rounds, _say), json)


@app.command
def webhooks(
    *,
    deliveries: Annotated[int, whole(10, 1_000_000)] = 10_000,
    rounds: Annotated[int, whole(1, 50)] = 5,
    json: Json = False,
) -> None:
    """Due deliveries: how many a second a worker sends and settles, and how soon after its commit an event goes out.

    Runs a worker and a receiver of its own, and a bare sender of as many posts and commits to the same receiver.

    For example:

        heard bench webhooks --deliveries 10000 --json

    Parameters
    ----------
    deliveries
        How many are due at the beginning of each round.
    rounds
        How many rounds, in turns.
    json
        Print one JSON document.

    """
    from heard.bench.webhooks import webhooks as measure

    _show(measure(deliveries, rounds, _say), json)


@app.command
def calculate(
    *,
    requests: Annotated[int, whole(100, 20_000)] = 1_000,
    json: Json = False,
) -> None:
    """Carts of the Ordering API: how many a second are priced by estimate, beside a bare route with the same decoding.

    For example:

        heard bench calculate --json

    Parameters
    ----------
    requests
        How many are sent each way in each of nine rounds.
    json
        Print one JSON document.

    """
    from heard.bench.calculate import calculate as measure

    _show(measure(requests, _say), json)


@app.command
def kit(
    *,
    requests: Annotated[int, whole(100, 20_000)] = 1_000,
    json: Json = False,
) -> None:
    """The POS kit: validates a second with an adapter that does nothing, beside a bare ASGI function.

    For example:

        heard bench kit --json

    Parameters
    ----------
    requests
        How many requests each way in each of fifteen rounds.
    json
        Print one JSON document.

    """
    from heard.bench.kit import kit as measure

    _show(measure(requests), json)


@app.command
def menu(
    *,
    items: Annotated[int, whole(100, 100_000)] = 30_000,
    rounds: Annotated[int, whole(1, 50)] = 5,
    json: Json = False,
) -> None:
    """A long menu: from the POS into use, then one changed price; and how long the hub's loop was held up meanwhile.

    Runs a hub on a temporary folder, and a program that serves a made-up menu.

    For example:

        heard bench menu --items 30000 --json

    Parameters
    ----------
    items
        Products on the menu.
    rounds
        How often one price is changed.
    json
        Print one JSON document.

    """
    from heard.bench.menu import menu as measure

    _show(measure(items, rounds), json)


@app.command
def rush(
    *,
    rate: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=5_000))] = 500.0,
    seconds: Annotated[float, Parameter(validator=validators.Number(gte=1, lte=600))] = 20.0,
    json: Json = False,
) -> None:
    """New orders at a pace, each with its whole life: how long their answers take, and how old events are that arrive.

    Runs a hub of its own on a temporary folder, and a program that is every other party.

    For example:

        heard bench rush --rate 500 --seconds 20 --json

    Parameters
    ----------
    rate
        Orders per second.
    seconds
        For how long.
    json
        Print one JSON document.

    """
    from heard.bench.rush import rush as measure

    _show(measure(rate, seconds), json)


@app.command
def replay(
    *,
    events: Annotated[int, whole(100, 1_000_000)] = 100_000,
    json: Json = False,
) -> None:
    """Dead letters sent again: how long until the last is at the receiver, and whether each order's are in order.

    Runs a hub and a receiver of its own, then a bare sender of as many posts to the same receiver.

    For example:

        heard bench replay --events 20000 --json

    Parameters
    ----------
    events
        How many dead letters, some five of an order.
    json
        Print one JSON document.

    """
    from heard.bench.replay import replay as measure

    _show(measure(events, _say), json)


@app.command
def feed(
    *,
    events: Annotated[int, whole(100, 1_000_000)] = 100_000,
    json: Json = False,
) -> None:
    """A marketplace's whole event feed, read in pages of 1,000 by `heard.clients.link`: how long that takes.

    Runs a hub of its own on a temporary folder, and a bare program that answers the same bytes.

    For example:

        heard bench feed --json

    Parameters
    ----------
    events
        How many events are in the feed.
    json
        Print one JSON document.

    """
    from heard.bench.feed import feed as measure

    _show(measure(events, _say), json)


@app.command
def growth(
    *,
    orders: Annotated[int, whole(1_000, 50_000_000)] = 5_000_000,
    few: Annotated[int, whole(100, 5_000_000)] = 50_000,
    each: Annotated[int, whole(24, 10_000)] = 240,
    json: Json = False,
) -> None:
    """Old orders: what accepting, claiming and reading one costs beside millions of them, and beside few.

    Loads them with COPY over thirteen months into a database on a temporary folder: 5 million take some 14 GB there.

    For example:

        heard bench growth --orders 500000 --json

    Parameters
    ----------
    orders
        How many old orders there are.
    few
        ... and on the other side.
    each
        How many are accepted, claimed and read in each of nine rounds.
    json
        Print one JSON document.

    """
    from heard.bench.growth import growth as measure

    _show(measure(orders, few, each, _say), json)


@app.command
def noisy(
    *,
    waiting: Annotated[int, whole(10, 100_000)] = 10_000,
    rate: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=1000))] = 20.0,
    orders: Annotated[int, whole(10, 10_000)] = 300,
    rounds: Annotated[int, whole(1, 50)] = 5,
    json: Json = False,
) -> None:
    """A store with a dead POS and thousands of waiting orders: by how much it delays the orders of all others.

    Runs a hub of its own on a temporary folder, and measures the same without the waiting orders, in turns.

    For example:

        heard bench noisy --waiting 10000 --json

    Parameters
    ----------
    waiting
        How many orders wait for the dead POS.
    rate
        Orders per second of the other stores.
    orders
        How many of them in each round, with the waiting orders and without.
    rounds
        How many rounds each way, in turns.
    json
        Print one JSON document.

    """
    from heard.bench.noisy import noisy as measure

    _show(measure(waiting, rate, orders, rounds, _say), json)


@app.command(name="console")
def console_pages(
    *,
    orders: Annotated[int, whole(100, 50_000_000)] = 1_000_000,
    board: Annotated[int, whole(10, 500)] = 500,
    consoles: Annotated[int, whole(1, 400)] = 50,
    rate: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=1000))] = 20.0,
    seconds: Annotated[float, Parameter(validator=validators.Number(gte=1, lte=600))] = 20.0,
    rounds: Annotated[int, whole(1, 50)] = 3,
    json: Json = False,
) -> None:
    """The console: how soon its board, an order's page and a change are there, and what open consoles cost the hub.

    Runs a hub of its own on a temporary folder, with old orders in it, and a bare template of the board's size.

    For example:

        heard bench console --orders 10000 --json

    Parameters
    ----------
    orders
        How many old orders are stored.
    board
        How many orders are open.
    consoles
        How many consoles are open while orders come in.
    rate
        Orders per second meanwhile.
    seconds
        For how long, in each round, with the consoles and without.
    rounds
        How many rounds.
    json
        Print one JSON document.

    """
    from heard.bench.console import Wanted
    from heard.bench.console import console as measure

    _show(measure(Wanted(orders, board, consoles, rate, seconds, rounds), _say), json)


@app.command
def price(
    *,
    rounds: Annotated[int, whole(1, 1_000)] = 50,
    json: Json = False,
) -> None:
    """A cart of twelve lines with choices, a combo and a discount: how long its prices take, beside a bare addition.

    For example:

        heard bench price --json

    Parameters
    ----------
    rounds
        How many rounds of two hundred carts are measured each way.
    json
        Print one JSON document.

    """
    from heard.bench.price import price as measure

    _show(measure(rounds), json)


def _say(text: str) -> None:
    """Progress goes to stderr, so that what is printed stays the result."""
    print(text, file=sys.stderr)


def _show(measuring: Coroutine[Any, Any, Result], json: bool) -> None:
    set_up_log("warning")
    result = run(measuring)
    if json:
        print_json(asdict(result))
        return
    print_head(f"heard bench {result.name}")
    for name, value in {**asdict(result), **result.details}.items():
        if name not in ("name", "details"):
            console.print(f"  {name:<22} {'-' if value is None else value}")
