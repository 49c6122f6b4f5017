"""What is typed next, after the errors of asking and routing, helps."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import Shell

from locoman.cli.errors import advise
from locoman.errors import ContextExceeded, UsageError
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows.router.feedback import MAX_REMARKS, Remark, with_remarks


def after(shell: Shell, *arguments: str, code: int) -> str:
    """What stands behind "Next:"."""
    result = shell(*arguments)
    assert result.code == code, result.err
    return result.err.rpartition("Next: ")[2].strip()


def test_after_a_question_that_cannot_be(copied: Home, shell: Shell) -> None:
    assert after(shell, "route", "  ", code=2).startswith('locoman route "')
    assert after(shell, "ask", "  ", code=2).startswith('locoman ask "')
    assert after(shell, "ask", "--wrong", code=2).startswith("locoman ask --wrong --should NAME")
    assert "shorter" in advise(ContextExceeded(900, 800))[0]


def test_after_what_cannot_be_learned(copied: Home, shell: Shell, tmp_path: Path) -> None:
    assert after(shell, "router", "learn", "--undo", code=2) == "locoman router show"
    goes = after(shell, "ask", "--wrong", "--should", "arithmetic", "What's 3 + 5?", code=2)
    assert goes == "locoman route --explain 'What'\"'\"'s 3 + 5?'"
    assert after(shell, "ask", "--wrong", "--should", "auto", "What is 3 + 5?", code=2) == "locoman adapter list"
    with pytest.raises(UsageError) as refused:
        with_remarks([Remark("a", None)] * MAX_REMARKS, [Remark("b", None)])
    assert advise(refused.value) == ("locoman router learn --undo", 2)


def test_after_what_cannot_be_measured(copied: Home, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text('{"text": "a", "adapter": "algebra"}\n')
    assert after(shell, "router", "test", str(file), code=2) == "locoman adapter list"
    file.write_text('{"text": "a", "domain": null}\n')
    assert "training file" in after(shell, "router", "bench", "--train", str(file), "--test", str(file), code=2)
    assert shell("remove", "arithmetic", "dates", "units", "words", "--yes").code == 0
    assert after(shell, "router", "test", code=4) == "locoman adapter add NAME"


@pytest.mark.parametrize("name", ["nope.jsonl", "nope.txt", "folder"])
def test_after_a_path_that_is_no_file(copied: Home, shell: Shell, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    for arguments in (("route", "--file"), ("router", "learn"), ("router", "test")):
        told = after(shell, *arguments, str(path), code=1)
        assert told == (
            f"the path of a file in {path}"
            if name == "folder"
            else f"put a file at {path}, or give the path of another one"
        )


def test_after_an_adapters_own_broken_file_the_doctor_brings_it_anew(copied: Home, shell: Shell) -> None:
    package = next(a.package for a in load_registry(copied.registry).adapters if a.name == "words")
    (copied.root / package / "routing.jsonl").write_text("{\n")
    checks = {check["name"]: check for check in shell("doctor", "--json").document["checks"]}
    assert checks["routing"]["fix"] == "locoman adapter remove words, then locoman adapter add words"
    assert shell("adapter", "remove", "words", "--yes").code == 0
    assert shell("adapter", "add", "words").code == 0
    assert shell("route", "--quiet", "Spell the word cat.").out == "words\n"
    assert shell("stop").code == 0


def test_what_has_no_better_advice_names_the_help_of_its_command(copied: Home, shell: Shell) -> None:
    assert after(shell, "ask", "--should", "words", code=2) == "locoman ask --help"


@pytest.mark.parametrize(
    "name", ["adapter", "base", "bundle", "eval", "gguf", "migrate", "modelfile", "router", "router encoder"]
)
def test_every_group_shows_examples(shell: Shell, name: str) -> None:
    assert f"Examples:\n    locoman {name} " in shell(*name.split(), "--help").out
