"""The kit's settings: given to `heard.pos.app`, or read from HEARD_POS_... One written table says what there is."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from heard import limits
from heard.domain.stores import Amounts, PosConnection, SignatureScheme


class OptionError(Exception):
    """A missing or broken setting; one line that names it and says what would be right."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a kit behaves. The first of `shared_ids` is the one in use; a second is still good while it rotates out."""

    shared_ids: tuple[str, ...] = field(repr=False)
    store: str = field(default="heard-pos.sqlite", repr=False)  # a file, or postgresql://... with its password
    amounts: Amounts = Amounts.MINOR
    signature: SignatureScheme = SignatureScheme.DIGEST
    answer_within_s: float = 5.0
    at_once: int = 8
    allow: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(isinstance(one, str) for one in self.shared_ids):
            raise OptionError("shared_id: must be text, or two of them while it changes")
        if not self.shared_ids:
            raise OptionError("shared_id (HEARD_POS_SHARED_ID): is needed; PAR gives you one for each environment")
        if any(len(one) < limits.SHARED_ID_LENGTH_MIN for one in self.shared_ids):
            raise OptionError(f"shared_id: must have at least {limits.SHARED_ID_LENGTH_MIN} characters")
        if not 0 < self.answer_within_s <= limits.POS_CALL_TIMEOUT_S:
            raise OptionError(f"answer_within_s: must be above 0 and at most {limits.POS_CALL_TIMEOUT_S:g}")
        if self.at_once < 1:
            raise OptionError("at_once: must be at least 1")

    def connection(self, shared_id: str) -> PosConnection:
        """What is written and signed under one of the SharedIds, and how."""
        return PosConnection("", shared_id, self.amounts, self.signature)


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable."""

    variable: str
    option: str
    default: str
    read: Callable[[str], Any]
    doc: str


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("must be a number of seconds") from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("must be a whole number")
    return int(text)


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(part.strip())) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"must be networks such as 127.0.0.0/8: {error}") from None


SETTINGS: tuple[Setting, ...] = (
    Setting("HEARD_POS_SHARED_ID", "shared_id", "", str, "The SharedId that PAR gave you, at least 10 characters."),
    Setting(
        "HEARD_POS_SHARED_ID_PREVIOUS",
        "shared_id",
        "",
        str,
        "The SharedId before it, accepted as well while the new one is being introduced; empty: none.",
    ),
    Setting(
        "HEARD_POS_STORE",
        "store",
        "heard-pos.sqlite",
        str,
        "Where the kit remembers requests and ids: a file, or postgresql://... when several processes serve.",
    ),
    Setting("HEARD_POS_AMOUNTS", "amounts", "minor", Amounts, "How order amounts are written: minor or decimal."),
    Setting("HEARD_POS_SIGNATURE", "signature", "digest", SignatureScheme, "What is signed: digest or body."),
    Setting(
        "HEARD_POS_ANSWER_WITHIN_S",
        "answer_within_s",
        "5",
        _seconds,
        "Seconds until an adapter that has not answered is told as 202; then the hub polls.",
    ),
    Setting("HEARD_POS_AT_ONCE", "at_once", "8", _count, "Calls of the adapter for one location at the same time."),
    Setting(
        "HEARD_POS_ALLOW",
        "allow",
        "",
        _networks,
        "Private networks that callbacks may go to, such as 127.0.0.0/8; all others are refused.",
    ),
)


def read_options(environment: Mapping[str, str] | None = None, **given: Any) -> Options:
    """What is given, else what HEARD_POS_... says, else the default. Raises OptionError.

    `shared_id` is one SharedId, or the one in use and the one before it.
    """
    unknown = given.keys() - {setting.option for setting in SETTINGS}
    if unknown:
        names = ", ".join(dict.fromkeys(setting.option for setting in SETTINGS))
        raise OptionError(f"{min(unknown)}: there is no such setting; there are {names}")
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    shared_ids: list[str] = []
    for setting in SETTINGS:
        text = environment.get(setting.variable, "") or setting.default
        if setting.option == "shared_id":
            shared_ids += [text] if text else []
        elif given.get(setting.option) is not None:
            values[setting.option] = _read(setting, setting.option, given[setting.option])
        else:
            values[setting.option] = _read(setting, setting.variable, text)
    if given.get("shared_id") is not None:
        shared_id: str | Sequence[str] = given["shared_id"]
        shared_ids = [shared_id] if isinstance(shared_id, str) else list(shared_id)
    return Options(shared_ids=tuple(shared_ids), **values)


def _read(setting: Setting, name: str, value: Any) -> Any:
    """A value by its text, however it was given. `name`: what whoever gave it calls it."""
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    try:
        return setting.read(text)
    except ValueError as error:
        raise OptionError(f"{name}: {text!r} {_why(error, setting)}") from None


def _why(error: ValueError, setting: Setting) -> str:
    said = str(error)
    if said.startswith("must"):
        return said
    words = [word.value for word in setting.read] if isinstance(setting.read, type) else []  # type: ignore[attr-defined]
    return f"must be {' or '.join(words)}" if words else f"is not right: {said}"
