"""Settings: where a value comes from, and what is said of a broken one."""

import tomllib
from pathlib import Path

import pytest

from heard.config import SETTINGS, ConfigError, annotated, load


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
