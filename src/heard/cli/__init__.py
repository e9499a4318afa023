"""The command `heard`: one module a noun. What people type; every listing also as --json."""

from heard.cli.main import main

__all__ = ["main"]
