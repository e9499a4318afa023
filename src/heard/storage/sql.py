"""The named queries: one file each under queries/, read once."""

from functools import cache
from importlib import resources


@cache
def query(name: str) -> str:
    """The text of queries/NAME.sql."""
    return resources.files("heard.storage").joinpath("queries", f"{name}.sql").read_text("utf-8")
