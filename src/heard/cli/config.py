"""`heard config`: what is set, and where it comes from."""

from cyclopts import App

from heard.cli.arguments import Json
from heard.cli.output import print_json
from heard.cli.running import read_config
from heard.config import annotated

app = App(name="config", help="What is set, and where each value comes from.")


@app.command
def show(*, json: Json = False) -> None:
    """Print heard.toml as it stands: each value with its meaning and its origin. Secrets are masked.

    For example:

        heard config show > heard.toml

    Parameters
    ----------
    json
        Print one JSON document instead.

    """
    config = read_config()
    if not json:
        print(annotated(config), end="")
        return
    print_json(
        [
            {
                "key": key,
                "value": "********" if value.setting.secret and value.text else value.text,
                "origin": value.origin,
                "variable": value.setting.variable,
                "meaning": value.setting.doc,
            }
            for key, value in config.values.items()
        ]
    )
