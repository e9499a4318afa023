"""Types are read on many threads at once, also the very first time."""

import subprocess
import sys
from typing import Final

# Own types each round, since a type is new only once. Threads change places as often as they can.
_ROUNDS: Final = """
import sys, threading, types
import msgspec
from heard.protocols import typed

def plain(value, type_):
    return msgspec.convert(value, type_)

read = {"typed": typed.convert, "plain": plain}[sys.argv[1]]
TYPES = '''
from __future__ import annotations
from typing import Annotated
import msgspec
Name = Annotated[str, msgspec.Meta(min_length=1)]
class Group(msgspec.Struct):
    name: Name
    modifiers: list[Modifier] = []
class Modifier(msgspec.Struct):
    name: Name
    groups: list[Group] = []
    price: int | str | None = None
class Menu(msgspec.Struct):
    name: Name
    groups: Annotated[list[Group], msgspec.Meta(max_length=5)] = []
'''
MENU = {"name": "m", "groups": [{"name": "g", "modifiers": [{"name": "x", "groups": [{"name": "h"}]}]}]}

sys.setswitchinterval(1e-6)
for number in range(int(sys.argv[2])):
    module = sys.modules[f"menus_{number}"] = types.ModuleType(f"menus_{number}")
    exec(TYPES, module.__dict__)
    start, names = threading.Barrier(4), []
    def work():
        start.wait()
        names.append(read(MENU, module.Menu).groups[0].modifiers[0].groups[0].name)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads: one.start()
    for one in threads: one.join()
    if names != ["h"] * 4:
        sys.exit(f"round {number}: {names}")
"""


def _rounds(way: str, count: int) -> int:
    command = [sys.executable, "-c", _ROUNDS, way, str(count)]
    return subprocess.run(command, capture_output=True, check=False, timeout=300).returncode


def test_a_type_that_many_threads_meet_for_the_first_time_is_read_whole_by_each() -> None:
    assert _rounds("typed", 300) == 0


def test_the_library_by_itself_cannot_do_that() -> None:
    """When this fails, msgspec has mended it, and heard.protocols.typed may go."""
    assert _rounds("plain", 20_000) != 0
