"""Settings: where a value comes from, and what is said of a broken one."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard.config import SETTINGS, ConfigError, Setting, annotated, load

VARIABLES = {setting.key: setting.variable for setting in SETTINGS}

# A value of every setting that is not its default.
GIVEN = {
    "data.folder": "/srv/heard",
    "database.url": "postgresql://u:hush-hush@db/x",
    "database.direct_url": "postgresql://u:hush-hush@db2/x",
    "database.pool": "3",
    "http.host": "::1",
    "http.port": "9100",
    "http.public_url": "https://hub.example",
    "metrics.host": "10.0.0.9",
    "metrics.port": "9105",
    "http.drain_s": "2.5",
    "traces.endpoint": "http://10.0.0.9:4318",
    "retention.orders_months": "25",
    "retention.exchanges_days": "7",
    "oidc.issuer": "https://login.example/",
    "oidc.client_id": "heard",
    "oidc.client_secret": "hush-hush",
    "oidc.name": "Brand ID",
    "oidc.joins_as": "viewer",
    "work.lease_s": "7.5",
    "work.poll_s": "0.25",
    "outbound.allow": "10.0.0.0/8",
    "organization": "acme",
    "log.level": "debug",
    "hub.url": "https://hub.example",
    "admin.key": "hak_hush",
    "secret.key": "hush-hush-hush",
}
ONLY_VARIABLES = {"secret.key", "admin.key"}
BROKEN = {
    "data.folder": " ",
    "database.url": "mysql://db/x",
    "database.direct_url": "mysql://db/x",
    "database.pool": "0",
    "http.host": "",
    "http.port": "65536",
    "http.public_url": "ftp://hub.example",
    "metrics.host": "",
    "metrics.port": "65536",
    "http.drain_s": "-1",
    "traces.endpoint": "10.0.0.9:4318",
    "retention.orders_months": "1",
    "retention.exchanges_days": "-1",
    "oidc.issuer": "login.example",
    "oidc.name": " ",
    "oidc.joins_as": "king",
    "work.lease_s": "-1",
    "work.poll_s": "inf",
    "outbound.allow": "everything",
    "log.level": "loud",
    "hub.url": "hub.example",
}


def write(folder: Path, text: str) -> Path:
    path = folder / "heard.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_environment_comes_before_the_file_and_the_file_before_the_default(tmp_path: Path) -> None:
    path = write(tmp_path, '[http]\nport = "9000"\nhost = "0.0.0.0"\n')
    config = load({"HEARD_HTTP_PORT": "9100"}, path)
    assert (config.get("http.port"), config.values["http.port"].origin) == (9100, "HEARD_HTTP_PORT")
    assert (config.get("http.host"), config.values["http.host"].origin) == ("0.0.0.0", str(path))  # noqa: S104
    assert (config.get("work.poll_s"), config.values["work.poll_s"].origin) == (1.0, "default")
    assert config.with_values(http__port="9200").get("http.port") == 9200


def test_every_setting_is_documented_and_has_its_variable() -> None:
    assert len({setting.variable for setting in SETTINGS}) == len(SETTINGS)
    assert all(setting.variable.startswith("HEARD_") and setting.doc.endswith(".") for setting in SETTINGS)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("HEARD_HTTP_PORT", "eighty"),
        ("HEARD_HTTP_PORT", "70000"),
        ("HEARD_HTTP_HOST", " "),
        ("HEARD_DATABASE_POOL", "0"),
        ("HEARD_DATABASE_URL", "sqlite:///x"),
        ("HEARD_HTTP_PUBLIC_URL", "hub.example"),
        ("HEARD_WORK_LEASE_S", "0"),
        ("HEARD_WORK_POLL_S", "nan"),
        ("HEARD_OUTBOUND_ALLOW", "10.0.0.1/8"),
        ("HEARD_LOG_LEVEL", "loud"),
        ("HEARD_DATA_FOLDER", ""),
    ],
)
def test_a_broken_value_is_one_line_naming_it_and_its_origin(variable: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({variable: text})
    assert variable in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ['[http]\nprot = "1"\n', 'nonsense = "1"\n', '[secret]\nkey = "x"\n', "[http\n", '[http]\nport = "x"\n'],
)
def test_a_broken_file_is_one_line_naming_it(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load({}, path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_misspelt_variable_is_not_overlooked_and_other_peoples_are_left_alone() -> None:
    with pytest.raises(ConfigError, match="HEARD_HTTP_PROT"):
        load({"HEARD_HTTP_PROT": "1"})
    load({"HEARD_ACME_SHARED_ID": "x", "HEARD_CONFIG": ""})


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="HEARD_CONFIG"):
        load({"HEARD_CONFIG": str(tmp_path / "none.toml")})


def test_secrets_do_not_show() -> None:
    config = load({"HEARD_SECRET_KEY": "hush-hush", "HEARD_DATABASE_URL": "postgresql://u:hush-hush@db/x"})
    assert "hush" not in annotated(config)
    assert "hush" not in repr(config)
    with pytest.raises(ConfigError) as caught:
        load({"HEARD_DATABASE_URL": "hush-hush"})
    assert "hush" not in str(caught.value)


def test_what_is_printed_is_a_file_that_means_the_same(tmp_path: Path) -> None:
    config = load({"HEARD_HTTP_PORT": "9100", "HEARD_OUTBOUND_ALLOW": "10.0.0.0/8,127.0.0.0/8"})
    path = write(tmp_path, annotated(config))
    assert tomllib.loads(path.read_text("utf-8"))
    again = load({}, path)
    assert {key: value.value for key, value in again.values.items()} == {
        key: value.value for key, value in config.values.items()
    }


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_can_be_given_by_its_variable(setting: Setting) -> None:
    text = GIVEN[setting.key]
    value = load({setting.variable: text}).values[setting.key]
    assert (value.origin, value.text) == (setting.variable, text)
    assert value.value == setting.read(text) != load({}).get(setting.key)


@pytest.mark.parametrize("key", [one.key for one in SETTINGS if one.key not in ONLY_VARIABLES])
def test_every_setting_but_the_keys_can_be_given_in_the_file(tmp_path: Path, key: str) -> None:
    head, _, name = key.rpartition(".")
    path = write(tmp_path, (f"[{head}]\n" if head else "") + f"{name} = '{GIVEN[key]}'\n")
    assert load({}, path).values[key].origin == str(path)
    assert load({}, path).get(key) == load({VARIABLES[key]: GIVEN[key]}).get(key)


def test_a_file_may_write_numbers_and_lists_as_such(tmp_path: Path) -> None:
    path = write(tmp_path, '[http]\nport = 9000\n[work]\npoll_s = 0.5\n[outbound]\nallow = ["10.0.0.0/8", "::1/128"]\n')
    config = load({}, path)
    assert (config.get("http.port"), config.get("work.poll_s")) == (9000, 0.5)
    assert config.get("outbound.allow") == ("10.0.0.0/8", "::1/128")


@pytest.mark.parametrize("text", ["[data.folder]\nx = 1\n", "[data]\nfolder = {}\n", "[organization]\nx = 1\n"])
def test_a_table_where_a_value_belongs_is_refused(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=re.escape(str(path))):
        load({}, path)


@pytest.mark.parametrize("key", sorted(BROKEN))
def test_a_broken_value_names_its_key_wherever_it_came_from(tmp_path: Path, key: str) -> None:
    head, _, name = key.rpartition(".")
    path = write(tmp_path, f"[{head}]\n{name} = '{BROKEN[key]}'\n")
    sources: dict[str, Callable[[], object]] = {
        VARIABLES[key]: lambda: load({VARIABLES[key]: BROKEN[key]}),
        str(path): lambda: load({}, path),
        "the command line": lambda: load({}).with_values(**{key.replace(".", "__"): BROKEN[key]}),
    }
    for origin, attempt in sources.items():
        with pytest.raises(ConfigError) as caught:
            attempt()
        assert str(caught.value).startswith(f"{key} ({origin}): ")
        assert len(str(caught.value).splitlines()) == 1


def test_a_value_of_several_lines_is_still_complained_of_in_one() -> None:
    for variable in ("HEARD_HTTP_PORT", "HEARD_OUTBOUND_ALLOW", "HEARD_LOG_LEVEL", "HEARD_HTTP_PUBLIC_URL"):
        with pytest.raises(ConfigError) as caught:
            load({variable: "a\nb"})
        assert len(str(caught.value).splitlines()) == 1


def test_the_key_is_refused_in_the_file_without_being_shown(tmp_path: Path) -> None:
    path = write(tmp_path, '[secret]\nkey = "hush-hush"\n')
    with pytest.raises(ConfigError, match="HEARD_SECRET_KEY") as caught:
        load({}, path)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("section", sorted({setting.key.split(".")[0].upper() for setting in SETTINGS}))
def test_an_unknown_variable_in_any_of_our_sections_is_named(section: str) -> None:
    name = f"HEARD_{section}_NONSENSE"
    with pytest.raises(ConfigError, match=f"^{name} is no setting"):
        load({name: "1"})


def test_secrets_show_in_no_repr_of_a_part() -> None:
    config = load({"HEARD_SECRET_KEY": "hush-hush", "HEARD_DATABASE_URL": "postgresql://u:hush-hush@db/x"})
    for value in (*config.values.values(), config.values, config.with_values(http__port="1")):
        assert "hush" not in repr(value)
    assert config.get("secret.key") == "hush-hush"


@pytest.mark.parametrize("file", ["", ".", "none.toml"])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, file: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(str(tmp_path))) as caught:
        load({}, tmp_path / file)
    assert len(str(caught.value).splitlines()) == 1


def test_the_working_folders_file_may_be_absent_and_is_read_if_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({}).values["http.port"].origin == "default"
    write(tmp_path, "[http]\nport = 9000\n")
    assert load({}).values["http.port"].origin == "heard.toml"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_from_what_is_printed(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    config = load({"HEARD_ORGANIZATION": text})
    path = write(tmp_path_factory.getbasetemp(), annotated(config))
    assert load({}, path).get("organization") == config.get("organization")


def test_what_is_printed_leaves_secrets_out_and_still_loads(tmp_path: Path) -> None:
    given_all = {VARIABLES[key]: text for key, text in GIVEN.items()}
    config = load(given_all)
    printed = annotated(config)
    assert GIVEN["secret.key"] not in printed
    assert GIVEN["database.url"] not in printed
    again = load({}, write(tmp_path, printed))
    assert (again.get("secret.key"), again.get("database.url")) == (None, None)
    open_keys = [setting.key for setting in SETTINGS if not setting.secret]
    assert {key: again.get(key) for key in open_keys} == {key: config.get(key) for key in open_keys}
