"""Every command that the docs show is run: each `$ locoman ...` line of a console block, in order, page by page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support.command import Shell
from support.help_text import PATH, render

from locoman.app import App

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
INTERACTIVE = {"chat"}


def commands(page: Path) -> list[str]:
    blocks = CONSOLE.findall(page.read_text(encoding="utf-8"))
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_there_are_commands_to_run() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 15


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_the_commands_of_a_page_work(page: Path, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "questions.txt").write_text("What is 17 + 25?\nHello!\n")
    assert shell("install", "--base", "loco-tiny", "--yes", "--no-check").code == 0
    try:
        for line in commands(page):
            program, *arguments = shlex.split(line.split("   #")[0])
            if program.startswith("scripts/"):
                assert (ROOT / program).is_file(), line  # the README's own two commands are what runs this test
                continue
            assert program == "locoman", line
            stdin = b"/quit\n" if arguments[0] in INTERACTIVE else None
            result = shell(*arguments, stdin=stdin)
            assert result.code == 0, f"{page.name}: {line}\n{result.out}{result.err}"
    finally:
        with App.load() as app:
            app.stop_host()


def test_the_command_reference_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == render(), "run scripts/docs"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
