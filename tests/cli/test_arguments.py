"""What is typed as an argument is taken as it stands or refused, naming the flag; nothing is rounded or guessed."""

from collections.abc import Callable, Iterator
from importlib import import_module
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import pytest
from cyclopts import App, Parameter

from heard.cli.arguments import whole
from heard.cli.main import COMMANDS


def functions(found: Any) -> Iterator[Callable[..., Any]]:
    """Every command below an app, or the one that it is."""
    if not isinstance(found, App):
        yield found
        return
    if found.default_command is not None:
        yield found.default_command
    for name in found:
        if not name.startswith("-"):
            yield from functions(found[name])


def everything() -> list[Callable[..., Any]]:
    places = (path.partition(":") for path in COMMANDS.values())
    return [one for module, _, name in places for one in functions(getattr(import_module(module), name))]


def kinds(hint: Any, parameters: tuple[Parameter, ...] = ()) -> Iterator[tuple[Any, tuple[Parameter, ...]]]:
    """The plain types of a hint, each with what was said of it."""
    if get_origin(hint) is Annotated:
        inner, *said = get_args(hint)
        yield from kinds(inner, (*parameters, *(one for one in said if isinstance(one, Parameter))))
    elif get_origin(hint) in (Union, UnionType):
        for inner in get_args(hint):
            yield from kinds(inner, parameters)
    else:
        yield hint, parameters


def test_every_whole_number_is_read_as_it_is_written() -> None:
    """The library would round: `--minutes 1.5` as 2."""
    reader, counted = whole().converter, 0
    for function in everything():
        for name, hint in get_type_hints(function, include_extras=True).items():
            for kind, parameters in kinds(hint):
                if kind is int:
                    counted += 1
                    assert reader in [one.converter for one in parameters], (function.__name__, name)
    assert counted > 20


@pytest.mark.parametrize("text", ["1.5", "1e1", "0x10", "1_0", "٣", "", "nan", "9" * 30, "-1", "11"])
def test_what_is_no_whole_number_within_its_bounds_is_refused_and_the_flag_is_named(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = []

    def command(*, minutes: Annotated[int, whole(0, 10)] | None = None) -> None:
        taken.append(minutes)

    app = App()
    app.default(command)
    with pytest.raises(SystemExit) as ended:
        app([f"--minutes={text}"])
    assert ended.value.code
    assert taken == []
    assert "--minutes" in "".join(capsys.readouterr())
    with pytest.raises(SystemExit):
        app(["--minutes", "10"])
    assert taken == [10]
