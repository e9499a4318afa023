"""The tree of commands, written out. Each is imported when it is asked for, so that a small one starts quickly;
what it does in a line stands here too, for `heard --help`.
"""

from cyclopts import App

from heard import __version__

COMMANDS = (
    ("demo", "heard.cli.demo:demo", "Run a hub, a POS and a marketplace in one process and place orders until Ctrl-C."),
    (
        "serve",
        "heard.cli.serve:serve",
        "Serve the hub's HTTP side: Link for marketplaces, callbacks of POS systems, health.",
    ),
    (
        "work",
        "heard.cli.serve:work",
        "Work: send due orders to their POS, deliver webhooks. Start as many as you like.",
    ),
    ("orders", "heard.cli.orders:app", "See orders and their whole history."),
    ("stores", "heard.cli.stores:app", "Restaurants: add one, list them, connect a marketplace."),
    ("marketplaces", "heard.cli.marketplaces:app", "Who sends orders through Link: add one, list them."),
    (
        "menus",
        "heard.cli.menus:app",
        "Menus: fetch one from its POS, see its versions, what changed and what is wrong.",
    ),
    ("pos", "heard.cli.pos:app", "For POS vendors: serve your POS, begin a new one, map ids."),
    (
        "sign",
        "heard.cli.sign:sign",
        "Sign a posnext body: prints its token, its x-pch-digest, and the signed message with its parts named.",
    ),
    (
        "verify",
        "heard.cli.verify:verify",
        "Say of a captured posnext request or answer which rule holds and which fails, and why.",
    ),
    ("db", "heard.cli.db:app", "The database: its schema, and the embedded server."),
    ("config", "heard.cli.config:app", "What is set, and where each value comes from."),
    ("bench", "heard.cli.bench:app", "Measure the hub and, in the same run, the limit beside it."),
)

app = App(
    name="heard",
    version=__version__,
    help="An open order hub for restaurants: nothing lost, nothing doubled, every cent adds up.",
)
for _name, _target, _help in COMMANDS:
    app.command(_target, name=_name, help=_help)


def main() -> None:
    """The entry point."""
    app()
