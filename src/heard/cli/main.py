"""The tree of commands, written out."""

from cyclopts import App

from heard import __version__
from heard.cli import bench, config, db, demo, marketplaces, menus, orders, pos, serve, sign, stores, verify

app = App(
    name="heard",
    version=__version__,
    help="An open order hub for restaurants: nothing lost, nothing doubled, every cent adds up.",
)
app.command(demo.demo)
app.command(serve.serve)
app.command(serve.work)
app.command(orders.app)
app.command(stores.app)
app.command(marketplaces.app)
app.command(menus.app)
app.command(sign.sign)
app.command(verify.verify)
app.command(db.app)
app.command(config.app)
app.command(pos.app)
app.command(bench.app)


def main() -> None:
    """The entry point."""
    app()
