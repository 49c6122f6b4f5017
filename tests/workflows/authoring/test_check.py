"""A package is criticised until it is whole: every finding names its file, and its line where there is one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command import Shell

from locoman.catalog.shelf import Shelf, shipped
from locoman.store.home import Home
from locoman.workflows.authoring.check import check_package

SHELF = Shelf((shipped("modelfiles"),), (shipped("adapters"),))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A whole package of one's own: `units` under another name and domain, with less to read."""
    folder = tmp_path / "lengths"
    shutil.copytree(shipped("adapters") / "units", folder)
    keep(folder / "train.jsonl", 600)
    edit(folder / "adapter.toml", 'name = "units"', 'name = "lengths"')
    edit(folder / "adapter.toml", 'domain = "units"', 'domain = "lengths"')
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def keep(path: Path, count: int) -> None:
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:count]), encoding="utf-8")


def add(path: Path, *documents: object) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(
            document if isinstance(document, str) else json.dumps(document) + "\n" for document in documents
        )


def found(package: Path, home: Home, level: str = "error") -> list[tuple[str, int | None, str]]:
    findings = check_package(package, home, SHELF).findings
    return [(f.file, f.line, f.sentence) for f in findings if f.level == level]


def test_a_whole_package_has_nothing_to_put_right(package: Path, copied: Home) -> None:
    assert found(package, copied) == []


@pytest.mark.parametrize("name", ["arithmetic", "dates", "units", "words", "code", "writing", "math-reasoning"])
def test_what_ships_is_whole(name: str, home: Home) -> None:
    assert found(shipped("adapters") / name, home) == []


EVALUATED = '"question": "Please tell me the number of metres in 94 kilometers."'
SPOILED: dict[str, tuple[Callable[[Path], None], str, int | None, str]] = {
    "licence": (
        lambda p: edit(p / "adapter.toml", '"Apache-2.0"', '"unknown"'), "adapter.toml", 6, "under which licence"
    ),
    "authors": (
        lambda p: edit(p / "adapter.toml", '    "The locoman authors",\n', ""), "adapter.toml", 7, "who made it"
    ),
    "manifest": (
        lambda p: edit(p / "adapter.toml", "epochs", "epoch"), "adapter.toml", 28, "did you mean 'epochs'?"
    ),
    "template": (
        lambda p: edit(p / "adapter.toml", '"Converts', '"TODO: Converts'), "adapter.toml", 5, "template's text"
    ),
    "fingerprint": (
        lambda p: edit(p / "adapter.toml", ":d86ce0b1d5c92706:", ":d86ce0b1d5c92707:"), "adapter.toml", 14, "another model"
    ),
    "gate": (
        lambda p: edit(p / "adapter.toml", "minimum_cases = 100", "minimum_cases = 10"), "adapter.toml", None, "at least 50"
    ),
    "scorer": (lambda p: edit(p / "adapter.toml", '"exact"', '"exakt"'), "adapter.toml", None, "Did you mean exact?"),
    "no answer": (
        lambda p: add(p / "train.jsonl", {"question": "How?", "answer": " "}), "train.jsonl", 601, "the answer is empty"
    ),
    "no answer at all": (lambda p: add(p / "train.jsonl", {"question": "How?"}), "train.jsonl", 601, "`answer`"),
    "broken line": (lambda p: add(p / "train.jsonl", "{nonsense\n"), "train.jsonl", 601, "broken JSON"),
    "contradiction": (
        lambda p: add(p / "train.jsonl", {"question": "please write 17 KM in  m", "answer": "1"}),
        "train.jsonl", 601, "the same question as in line 1, with another answer",
    ),
    "seen": (
        lambda p: edit(p / "train.jsonl", '"question": "Please write 17 km in m"', EVALUATED),
        "eval.jsonl", 1, "also stands in line 1 of train.jsonl",
    ),
    "twice": (
        lambda p: add(p / "eval.jsonl", {"question": "The number of seconds in 9  min?", "answer": "540 seconds"}),
        "eval.jsonl", 201, "the same case as in line 3",
    ),
    "few cases": (lambda p: keep(p / "eval.jsonl", 49), "eval.jsonl", None, "49 cases; at least 100"),
    "few examples": (lambda p: keep(p / "train.jsonl", 9), "train.jsonl", None, "9 examples"),
    "no evaluation": (lambda p: (p / "eval.jsonl").unlink(), "eval.jsonl", None, "the file is missing"),
    "opposites": (
        lambda p: add(p / "routing.jsonl", {"text": "Ok, how many grams do you get from 31 kilograms", "mine": False}),
        "routing.jsonl", 114, "the same text as in line 1, which says the opposite",
    ),
    "routing": (lambda p: keep(p / "routing.jsonl", 60), "routing.jsonl", None, "0 questions that only look like"),
    "pickle": (lambda p: (p / "weights" / "w.bin").write_bytes(b"x"), "weights/w.bin", None, "pickle"),  # type: ignore[dict-item,return-value]
    "no weights": (lambda p: shutil.rmtree(p / "weights"), "weights/loco-tiny", None, "no weights yet"),
    "weights": (
        lambda p: edit(p / "weights" / "loco-tiny" / "adapter_config.json", '"r": 16', '"r": 8'),
        "weights/loco-tiny", None, "adapter_config.json says 8",
    ),
    "readme": (lambda p: (p / "README.md").unlink(), "README.md", None, "the file is missing"),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILED)
def test_what_is_wrong_is_named_with_its_place(what: str, package: Path, copied: Home) -> None:
    spoil, file, line, sentence = SPOILED[what]
    spoil(package)
    errors = found(package, copied)
    assert len(errors) == 1, errors
    assert errors[0][:2] == (file, line)
    assert sentence in errors[0][2]


def test_a_keyword_that_belongs_to_another_is_an_error_and_a_domain_a_warning(package: Path, copied: Home) -> None:
    other = copied.root / next(copied.adapters.glob("words/*")).relative_to(copied.root) / "adapter.toml"
    edit(other, "keywords = []", 'keywords = ["Backwards"]')
    edit(package / "adapter.toml", "keywords = []", 'keywords = ["backwards", "far"]')
    edit(package / "adapter.toml", 'domain = "lengths"', 'domain = "dates"')
    assert found(package, copied) == [("adapter.toml", 41, "the keyword 'backwards' belongs to words already")]
    warnings = found(package, copied, "warning")
    assert ("adapter.toml", 4, "the domain dates is that of dates; only one of them answers at a time") in warnings


def test_what_does_not_belong_there_is_a_warning(package: Path, copied: Home) -> None:
    (package / "notes.txt").write_text("x")
    (package / "weights" / "other").mkdir()
    (package / "weights" / "other" / "adapter.gguf").write_bytes(b"GGUF")
    warned = [(file, sentence) for file, _, sentence in found(package, copied, "warning")]
    assert ("notes.txt", "no part of a package; it is packed along") in warned
    assert ("weights/other/adapter.gguf", "weights of another base; they are packed along") in warned
    assert found(package, copied) == []


def test_of_many_lines_five_are_named(package: Path, copied: Home) -> None:
    add(package / "train.jsonl", *({"question": f"Question {n}", "answer": ""} for n in range(9)))
    errors = found(package, copied)
    assert [line for _, line, _ in errors] == [601, 602, 603, 604, 605, None]
    assert errors[-1][2] == "and 4 more lines like these"


def test_the_command_says_what_to_do_next_and_ends_with_3(package: Path, copied: Home, shell: Shell) -> None:
    assert shell("adapter", "check", str(package)).code == 0
    shutil.rmtree(package / "weights")
    result = shell("adapter", "check", str(package))
    assert result.code == 3
    assert "error    weights/loco-tiny: there are no weights yet" in result.out
    assert f"Next: locoman adapter train {package}" in result.err
    document = shell("adapter", "check", str(package), "--json").document
    assert document["ok"] is False
    assert document["findings"][-1]["file"] == "weights/loco-tiny"
