"""Configuration: one written table of settings. A value comes from HEARD_..., else heard.toml, else its default.

Bounds that nobody should change are in limits.py. Secrets are settings too, but never shown and never in the file.
"""

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from heard.domain.people import Role


class ConfigError(Exception):
    """A missing or broken value; one line that names it and says what would be right."""


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value.strip()


def _whole(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError("must be a whole number") from None


def _port(value: str) -> int:
    number = _whole(value)
    if not 0 <= number <= 65535:
        raise ValueError("must be a port between 0 and 65535 (0: any free one)")
    return number


def _optional_port(value: str) -> int | None:
    return _port(value) if value.strip() else None


def _count(value: str) -> int:
    number = _whole(value)
    if number < 1:
        raise ValueError("must be at least 1")
    return number


def _between(least: int, most: int, unit: str) -> Callable[[str], int]:
    def read(value: str) -> int:
        number = _whole(value)
        if not least <= number <= most:
            raise ValueError(f"must be {least} to {most} {unit}")
        return number

    return read


def _seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError("must be a number of seconds") from None
    if not 0 < number < float("inf"):
        raise ValueError("must be a number of seconds above 0")
    return number


def _seconds_or_zero(value: str) -> float:
    return 0.0 if value.strip() in ("0", "0.0") else _seconds(value)


def _folder(value: str) -> Path:
    return Path(_text(value)).expanduser().absolute()


def _optional_url(value: str) -> str | None:
    if not value.strip():
        return None
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as https://hub.example")
    return value.strip().rstrip("/")


def _optional_issuer(value: str) -> str | None:
    """As it is written: a provider calls itself so, to the last slash."""
    _optional_url(value)
    return value.strip() or None


def _optional_role(value: str) -> Role | None:
    try:
        return Role(value.strip()) if value.strip() else None
    except ValueError:
        raise ValueError(f"must be {', '.join(Role)} or empty") from None


def _optional_hub(value: str) -> str | None:
    url = _optional_url(value)
    parts = urlsplit(url or "")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("must be the hub's address alone, without a user, a query or a fragment")
    return url


def _optional_database(value: str) -> str | None:
    if not value.strip():
        return None
    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("must start with postgresql://")
    return value.strip()


def _optional(value: str) -> str | None:
    return value.strip() or None


def _networks(value: str) -> tuple[str, ...]:
    return tuple(str(ip_network(part.strip())) for part in value.split(",") if part.strip())


def _log_level(value: str) -> str:
    level = value.strip().lower()
    if level not in ("debug", "info", "warning", "error"):
        raise ValueError("must be debug, info, warning or error")
    return level


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of heard.toml, `section.name`, which is also HEARD_SECTION_NAME unless `env` says otherwise."""

    key: str
    default: str
    read: Callable[[str], Any]
    doc: str
    env: str = ""
    secret: bool = False

    @property
    def variable(self) -> str:
        return self.env or "HEARD_" + self.key.upper().replace(".", "_")


def _default_data_folder() -> str:
    return str(Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share") / "heard")


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "data.folder",
        _default_data_folder(),
        _folder,
        "Where the embedded PostgreSQL, its key file and its log live.",
    ),
    Setting(
        "database.url",
        "",
        _optional_database,
        "A PostgreSQL of your own (15 or newer), postgresql://...; of a cluster all hosts, user@one,two,three/heard:"
        " the hub finds the one that takes writes. Empty: the embedded one.",
        secret=True,
    ),
    Setting(
        "database.direct_url",
        "",
        _optional_database,
        "The same PostgreSQL past a pooler that database.url names, for what needs a session to itself: to hear of work"
        " and revocations, and to bring the schema up to date. Empty: database.url.",
        secret=True,
    ),
    Setting("database.pool", "10", _count, "Connections each process keeps to PostgreSQL, at most."),
    Setting("http.host", "127.0.0.1", _text, "The address `heard serve` listens on."),
    Setting("http.port", "8080", _port, "The port `heard serve` listens on."),
    Setting(
        "http.public_url",
        "",
        _optional_url,
        "How POS systems reach this hub for their callbacks; empty: none are asked for, the hub reads instead.",
    ),
    Setting(
        "http.drain_s",
        "0",
        _seconds_or_zero,
        "How long `heard serve` goes on taking requests once it is told to stop, while /readyz says 503 already:"
        " as long as a load balancer takes to look. The ten seconds within which it is gone come after that.",
    ),
    Setting("metrics.host", "127.0.0.1", _text, "The address at which a process serves its metrics."),
    Setting(
        "metrics.port",
        "",
        _optional_port,
        "Where `heard serve` and `heard work` serve /metrics, /healthz and /readyz to whoever watches them; each"
        " process needs a port of its own. Empty: nowhere.",
    ),
    Setting(
        "retention.orders_months",
        "13",
        _between(2, 1_200, "months"),  # an order may be for the month after next
        "So many whole months (2 to 1200) orders are kept, with their history and events; one that is open stays.",
    ),
    Setting(
        "retention.exchanges_days",
        "30",
        _between(1, 36_500, "days"),
        "So many days (1 to 36500) the recorded calls are kept.",
    ),
    Setting(
        "traces.endpoint",
        "",
        _optional_url,
        "A collector that `heard serve` and `heard work` send traces to, over OTLP/HTTP, such as http://127.0.0.1:4318;"
        " takes `pip install 'heard[otel]'`. Empty: where OTEL_EXPORTER_OTLP_ENDPOINT says, else nowhere.",
    ),
    Setting(
        "oidc.issuer",
        "",
        _optional_issuer,
        "Whom people may sign in to the console through (OpenID Connect), exactly as it calls itself, such as"
        " https://login.example; its address for us is <the hub's address>/console/sign-in/elsewhere/back. One in a"
        " private network must be in outbound.allow. Empty: by passwords alone.",
    ),
    Setting("oidc.client_id", "", _optional, "Who this hub is there."),
    Setting("oidc.client_secret", "", _optional, "The secret that goes with it.", secret=True),
    Setting("oidc.name", "your organization's sign-in", _text, "What people call it: Sign in through ..."),
    Setting(
        "oidc.joins_as",
        "",
        _optional_role,
        "The role (viewer, operator, developer, admin) of everybody it knows and this hub does not, over all that the"
        " hub has. Empty: such people need a link first, as for a password.",
    ),
    Setting("work.lease_s", "30", _seconds, "How long a worker that died holds on to its work."),
    Setting("work.poll_s", "1", _seconds, "How often an idle worker looks for work that nobody announced."),
    Setting(
        "outbound.allow",
        "",
        _networks,
        "Private networks that calls may go to, such as 10.1.0.0/16,127.0.0.0/8; all others are refused.",
    ),
    Setting(
        "hub.url",
        "",
        _optional_hub,
        "The hub that commands steer, https://hub.example, over its admin API; empty: the one of this machine.",
    ),
    Setting(
        "admin.key",
        "",
        _optional,
        "The key that commands show to the hub at hub.url, hak_...; never in the file. `heard keys add` makes one.",
        secret=True,
    ),
    Setting("organization", "", _optional, "The organization that commands mean when none is named."),
    Setting("log.level", "info", _log_level, "debug, info, warning or error."),
    Setting(
        "secret.key",
        "",
        _optional,
        "The key that secrets are sealed with at rest, 32 bytes in base64; never in the file. With the embedded"
        " PostgreSQL the first start makes one and keeps it in the data folder.",
        secret=True,
    ),
)
_BY_KEY = {setting.key: setting for setting in SETTINGS}
_NEVER_IN_FILE = frozenset({"secret.key", "admin.key"})


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and where it came from."""

    setting: Setting
    value: Any = field(repr=False)
    text: str = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, read. `get` is by key; unknown keys are a bug."""

    values: Mapping[str, Value]

    def get(self, key: str) -> Any:
        return self.values[key].value

    @property
    def data_folder(self) -> Path:
        folder: Path = self.get("data.folder")
        return folder

    def with_values(self, **texts: str) -> "Config":
        """The same with some values given by the command line; keys with `__` for the dot."""
        given = {name.replace("__", "."): text for name, text in texts.items()}
        values = dict(self.values)
        for key, text in given.items():
            values[key] = _read(_BY_KEY[key], text, "the command line")
        return Config(values)


def load(environment: Mapping[str, str] | None = None, file: Path | None = None) -> Config:
    """The configuration of this process. Raises ConfigError naming the value that is wrong.

    `file` defaults to HEARD_CONFIG, else heard.toml in the working folder, which may be absent.
    """
    environment = os.environ if environment is None else environment
    named = file or (Path(environment["HEARD_CONFIG"]) if environment.get("HEARD_CONFIG") else None)
    from_file = _read_file(named or Path("heard.toml"), must_exist=named is not None)
    _refuse_unknown_variables(environment)
    values: dict[str, Value] = {}
    for setting in SETTINGS:
        if setting.variable in environment:
            text, origin = environment[setting.variable], setting.variable
        elif setting.key in from_file:
            text, origin = from_file[setting.key], str(named or "heard.toml")
        else:
            text, origin = setting.default, "default"
        values[setting.key] = _read(setting, text, origin)
    return Config(values)


def annotated(config: Config) -> str:
    """heard.toml as it would stand with these values: each with its meaning and its origin. Secrets are masked."""
    lines = ["# heard.toml: every setting can also be given as the environment variable named beside it."]
    section = ""
    for key, value in sorted(config.values.items(), key=lambda item: ("." in item[0], list(_BY_KEY).index(item[0]))):
        head, _, name = key.rpartition(".")
        if head != section:
            section = head
            lines += ["", f"[{head}]"]
        lines += ["", f"# {value.setting.doc}", f"# {value.setting.variable} (now from: {value.origin})"]
        masked = bool(value.setting.secret and value.text)
        disabled = "# " if masked or value.setting.key in _NEVER_IN_FILE else ""
        lines.append(f"{disabled}{name} = {_toml_text('********' if masked else value.text)}")
    return "\n".join(lines) + "\n"


def _toml_text(text: str) -> str:
    """A basic string of TOML: JSON's escapes, and DEL, which JSON lets stand."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _read(setting: Setting, text: str, origin: str) -> Value:
    try:
        return Value(setting, setting.read(text), text, origin)
    except ValueError as error:
        shown = "the value" if setting.secret else repr(text)
        raise ConfigError(f"{setting.key} ({origin}): {shown} {_why(error)}") from None


def _why(error: ValueError) -> str:
    text = str(error)
    return text if text.startswith("must") else f"is not right: {text}"


def _read_file(path: Path, *, must_exist: bool) -> dict[str, str]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise ConfigError(f"HEARD_CONFIG: there is no file {path}") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    found: dict[str, str] = {}
    for head, value in document.items():
        members = (
            {f"{head}.{name}": inner for name, inner in value.items()} if isinstance(value, dict) else {head: value}
        )
        for key, inner in members.items():
            if key not in _BY_KEY:
                raise ConfigError(f"{path}: {key} is no setting; `heard config show` lists them")
            if key in _NEVER_IN_FILE:
                raise ConfigError(f"{path}: {key} is a secret; give it as {_BY_KEY[key].variable}")
            if isinstance(inner, dict):
                raise ConfigError(f"{path}: {key} is one value, not a table")
            found[key] = ",".join(map(str, inner)) if isinstance(inner, list) else str(inner)
    return found


_OTHER_VARIABLES = frozenset({"HEARD_CONFIG", "HEARD_POSTGRES_USER"})
_SECTIONS = frozenset(setting.key.split(".")[0].upper() for setting in SETTINGS)


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """A misspelt HEARD_HTTP_PROT must not be overlooked; names outside our sections are other people's."""
    known = {setting.variable for setting in SETTINGS} | _OTHER_VARIABLES
    for name in environment:
        if name.startswith("HEARD_") and name not in known and name.split("_")[1] in _SECTIONS:
            raise ConfigError(f"{name} is no setting; `heard config show` lists them")
