"""Processes of `heard` that are forked from one that has imported everything: importing is most of what a short command
costs. Each has its own words, environment, folder and output, and ends as any other. Programs of the tests that become
one of them are run the same way.

python tests/forking.py SOCKET        until its stdin is closed
"""

import gc
import json
import os
import random
import runpy
import select
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

_MESSAGE_MAX = 1 << 20


def serve(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{address}.new")
        listener.listen(64)
        Path(f"{address}.new").rename(address)  # who sees it may connect
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            asked, _ = listener.accept()
            between = os.fork()
            if between == 0:
                if os.fork() != 0:
                    os._exit(0)
                listener.close()
                _answer(asked)  # in a grandchild: nobody here waits for it
            asked.close()
            os.waitpid(between, 0)


def _answer(asked: socket.socket) -> NoReturn:
    """Run one command in a child, and tell how it ended."""
    message, given, _, _ = socket.recv_fds(asked, _MESSAGE_MAX, 2)
    child = os.fork()
    if child == 0:
        asked.close()
        _become(given, **json.loads(message))
        if sys.argv[0] == "heard":
            from heard import limits
            from heard.cli import main

            limits.DATABASE_CONNECT_S = 60.0  # type: ignore[misc]  # a busy machine's database takes its time
            main()
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
        sys.exit(0)
    asked.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    asked.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(given: list[int], words: list[str], environment: dict[str, str], folder: str, program: str) -> None:
    """What `python -m heard`, or this program, would be there."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(given[0], 1)
    os.dup2(given[1], 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [program or "heard", *words]
    random.seed()
    sys.path[:1] = [str(Path(program).parent), str(Path(__file__).parent)] if program else [folder]


def preload() -> None:
    """Import what a hub does, for all that are copied from this process. Without freezing, each copy would look through
    all of that when it ends, and make it its own.
    """
    for name in ("heard.bootstrap", "heard.console.app", "heard.http.app", "heard.net.serving", "heard.work.worker"):
        import_module(name)
    gc.freeze()


if __name__ == "__main__":
    from heard.cli.main import COMMANDS

    for target in COMMANDS.values():
        import_module(target.partition(":")[0])
    preload()
    serve(sys.argv[1])
