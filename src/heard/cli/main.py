"""The tree of commands, written out. Only the one that is asked for is imported, so that a small one starts quickly."""

import faulthandler
import sys
from importlib import import_module

from cyclopts import App

from heard import __version__

COMMANDS = {
    "demo": "heard.cli.demo:demo",
    "serve": "heard.cli.serve:serve",
    "work": "heard.cli.serve:work",
    "orders": "heard.cli.orders:app",
    "stores": "heard.cli.stores:app",
    "points": "heard.cli.points:app",
    "marketplaces": "heard.cli.marketplaces:app",
    "applications": "heard.cli.applications:app",
    "menus": "heard.cli.menus:app",
    "items": "heard.cli.items:app",
    "webhooks": "heard.cli.webhooks:app",
    "payments": "heard.cli.payments:app",
    "keys": "heard.cli.keys:app",
    "console": "heard.cli.console:app",
    "pos": "heard.cli.pos:app",
    "price": "heard.cli.price:price",
    "sign": "heard.cli.sign:sign",
    "verify": "heard.cli.verify:verify",
    "db": "heard.cli.db:app",
    "config": "heard.cli.config:app",
    "bench": "heard.cli.bench:app",
}


def main() -> None:
    """The entry point."""
    faulthandler.enable()  # where a library crashed stands on stderr, else nobody ever learns
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    app = App(
        name="heard",
        version=__version__,
        help="An open order hub for restaurants: nothing lost, nothing doubled, every cent adds up.",
    )
    for name in [asked] if asked in COMMANDS else COMMANDS:  # all of them for help, and for a misspelt one
        module, _, attribute = COMMANDS[name].partition(":")
        app.command(getattr(import_module(module), attribute), name=name)
    app()
