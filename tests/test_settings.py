from __future__ import annotations

from pathlib import Path

import pytest

from locoman.errors import InvalidFile, UnknownKey, UnknownName, UsageError
from locoman.settings import find_setting, load_settings
from locoman.store.home import Home
from locoman.workflows.configure import set_value, unset_value

KEEP = "engine.keep_alive"


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    variable = find_setting(KEEP).variable
    assert load_settings(tmp_path, {}).number(KEEP) == 300
    (tmp_path / "config.toml").write_text("[engine]\nkeep_alive = 10\n")
    assert load_settings(tmp_path, {}).number(KEEP) == 10
    assert load_settings(tmp_path, {variable: "20"}).number(KEEP) == 20
    settings = load_settings(tmp_path, {variable: "20"}, {KEEP: 30})
    assert (settings.number(KEEP), settings.origin(KEEP)) == (30, "flag")


def test_the_home_comes_from_the_flag_then_from_the_environment(tmp_path: Path) -> None:
    environ = {"LOCOMAN_HOME": str(tmp_path / "a")}
    assert load_settings(None, environ).home == tmp_path / "a"
    assert load_settings(tmp_path / "b", environ).home == tmp_path / "b"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[engine]\nkeep_aliv = 1", UnknownKey),
        ("[engine]\nkeep_alive = 'long'", InvalidFile),
        ("[engine]\nkind = 'magic'", InvalidFile),
        ("[engine", InvalidFile),
        ("engine = 3", UnknownKey),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, text: str, error: type[Exception]) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(error):
        load_settings(tmp_path, {})


def test_a_broken_variable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load_settings(tmp_path, {find_setting(KEEP).variable: "soon"})


def test_set_and_unset_leave_other_keys_alone(home: Home) -> None:
    set_value(home, find_setting("ollama.url"), "http://127.0.0.1:1")
    set_value(home, find_setting(KEEP), "7")
    unset_value(home, find_setting(KEEP))
    settings = load_settings(home.root, {})
    assert (settings.number(KEEP), settings.text("ollama.url")) == (300, "http://127.0.0.1:1")
    assert home.config.stat().st_mode & 0o077 == 0


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        find_setting("engine.keepalive")
    assert caught.value.nearest[0] == KEEP
