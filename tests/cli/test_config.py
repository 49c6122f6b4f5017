from __future__ import annotations

from pathlib import Path

from support.command import Shell

from locoman.store.home import Home


def test_a_setting_is_set_shown_and_unset(shell: Shell, home: Home) -> None:
    assert shell("config", "engine.keep_alive", "600").code == 0
    assert shell("config", "engine.keep_alive", "--json").document["value"] == 600
    assert shell("config", "engine.keep_alive", "--unset").out == "300\n"
    assert "600" not in home.config.read_text()


def test_all_settings_are_listed_with_their_origin(shell: Shell) -> None:
    rows = shell("config", "--json").document["settings"]
    assert {row["from"] for row in rows} == {"default"}


def test_a_secret_is_not_shown(shell: Shell) -> None:
    shell("config", "engine.key", "sesame")
    assert "sesame" not in shell("config").out + shell("config", "--json").out + shell("config", "engine.key").out


def test_a_wrong_value_or_key_changes_nothing(shell: Shell, home: Home) -> None:
    assert shell("config", "engine.keep_alive", "soon").code == 2
    result = shell("config", "engine.keepalive", "3")
    assert result.code == 2
    assert "engine.keep_alive" in result.err
    assert not home.config.exists()


def test_a_broken_file_names_file_and_place(shell: Shell, home: Home) -> None:
    home.root.mkdir()
    home.config.write_text("[engine]\nkeep_aliv = 3\n")
    result = shell("config")
    assert result.code == 1
    assert "keep_alive" in result.err
    assert str(home.config) in result.err


def test_completion_scripts_are_printed(shell: Shell) -> None:
    for name in ("bash", "zsh", "fish"):
        assert "_LOCOMAN_COMPLETE" in shell("completion", name).out
    assert shell("completion", "tcsh").code == 2


def test_home_on_the_command_line_beats_the_environment(shell: Shell, tmp_path: Path) -> None:
    document = shell("config", "--json", "--home", str(tmp_path / "else")).document
    assert document["file"] == str(tmp_path / "else" / "config.toml")


def test_with_nothing_installed_every_command_says_what_to_type(shell: Shell) -> None:
    for line in ("ask hello", "route hello", "chat", "remove words --yes", "adapter activate words"):
        result = shell(*line.split())
        assert (result.code, "Next: locoman install" in result.err) == (4, True), (line, result)
    assert shell("ps").out == "Nothing is running.\n"
    assert shell("stop").out == "Nothing was running.\n"
