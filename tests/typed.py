"""`heard` as people type it, in a thread of the test's own process: what a shell shows, without starting one."""

import asyncio
import io
import os
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module

import pytest
from cyclopts import App

from heard.cli import running
from heard.cli.main import COMMANDS


class Typist:
    """Types commands with the settings of one place."""

    def __init__(self, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._settings = settings
        monkeypatch.setattr(running, "set_up_log", lambda *_: None)  # a process has one log, and this one is pytest's

    async def types(self, *words: str) -> tuple[int, str, str]:
        """Exit status, stdout, stderr."""
        return await asyncio.to_thread(self._run, words)

    def _run(self, words: tuple[str, ...]) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        before = {name: value for name, value in os.environ.items() if name.startswith("HEARD_")}
        os.environ.update(self._settings)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                status = self._call(words)
        finally:
            for name in [name for name in os.environ if name.startswith("HEARD_")]:
                del os.environ[name]
            os.environ.update(before)
        return status, out.getvalue(), err.getvalue()

    def _call(self, words: tuple[str, ...]) -> int:
        try:
            app_of(words[0])(words[1:])
        except SystemExit as end:
            return int(end.code or 0)
        return 0


def app_of(noun: str) -> App:
    """The commands below one noun."""
    module, _, attribute = COMMANDS[noun].partition(":")
    found = getattr(import_module(module), attribute)
    assert isinstance(found, App)
    return found
