"""The router as a person meets it: fitted, taught, explained, measured and mended, with words alone and with the encoder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.command import Shell
from support.encoder import encoder_files

from locoman.app import App
from locoman.routing.encoder.files import FILES, encoder_folder, is_whole
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.store.transaction import recover
from locoman.workflows.doctor import Check, examine
from locoman.workflows.router.last_question import Asked, remember_asked


def routed(shell: Shell, question: str) -> str | None:
    found: str | None = shell("route", question, "--json").document["adapter"]
    return found


def test_fitting_again_changes_nothing_and_says_what_was_fitted(copied: Home, shell: Shell) -> None:
    before = load_registry(copied.registry)
    (fit,) = shell("router", "fit", "--json").document["fits"]
    assert load_registry(copied.registry) == before
    assert (fit["base"], fit["adapters"], fit["encoder"]) == ("loco-tiny", 4, None)
    assert fit["examples"] > 400


def test_a_wrong_answer_is_corrected_and_the_correction_undone(copied: Home, shell: Shell) -> None:
    question = "What is 17 + 25?"
    assert routed(shell, question) == "arithmetic"
    remember_asked(copied, Asked(question))
    assert shell("ask", "--wrong", "--should", "words").code == 0
    assert routed(shell, question) == "words"
    assert routed(shell, "What is 4 * 5?") == "arithmetic"
    assert shell("ask", "--wrong", question).code == 0
    assert routed(shell, question) is None
    undone = shell("router", "learn", "--undo", "--json").document
    assert (undone["changed"], undone["remarks"]) == (-1, 1)
    assert routed(shell, question) == "words"
    shell("router", "learn", "--undo")
    assert routed(shell, question) == "arithmetic"
    assert shell("router", "learn", "--undo").code == 2


def test_a_file_of_corrections_is_learned(copied: Home, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    lines = [{"text": f"zorble the {word}", "adapter": "words"} for word in ("cat", "house", "tree", "planet", "river")]
    file.write_text("\n".join(map(json.dumps, [*lines, {"text": "zorble?", "adapter": None}])))
    assert routed(shell, "zorble the window") != "words"
    assert shell("router", "learn", str(file), "--json").document["changed"] == 6
    assert routed(shell, "zorble the window") == "words"
    assert copied.feedback.read_text().count("\n") == 6


@pytest.mark.parametrize(
    ("content", "says", "code"),
    [
        ('{"text": "a", "adapter": "wrods"}', "Did you mean words", 2),
        ('{"text": "", "adapter": null}', "line 1", 1),
        ('{"text": "a", "adaptor": "words"}', "adapter", 1),
        ("", "no line", 1),
        ('{"text": "a", "adapter": "words"', "line 1", 1),
    ],
)
def test_a_file_that_cannot_be_learned_is_refused_and_nothing_is_kept(
    copied: Home, shell: Shell, tmp_path: Path, content: str, says: str, code: int
) -> None:
    (tmp_path / "bad.jsonl").write_text(content)
    result = shell("router", "learn", str(tmp_path / "bad.jsonl"))
    assert result.code == code
    assert says in result.err
    assert not copied.feedback.exists()


def test_what_fails_has_taken_no_effect(copied: Home, shell: Shell, tmp_path: Path) -> None:
    good = tmp_path / "good.jsonl"
    good.write_text('{"text": "zorble the cat", "adapter": "words"}\n')
    assert shell("router", "learn", str(good)).code == 0
    feedback, registry = copied.feedback.read_bytes(), copied.registry.read_bytes()
    copied.wishes.write_text("wrong_cots = 3\n")
    for arguments in (
        ("router", "learn", str(good)),
        ("router", "learn", "--undo"),
        ("ask", "--wrong", "--should", "words", "What is 17 + 25?"),
    ):
        assert shell(*arguments).code == 1
        assert copied.feedback.read_bytes() == feedback
        assert copied.registry.read_bytes() == registry
    copied.wishes.unlink()
    assert shell("router", "learn", str(good)).code == 0
    assert copied.feedback.read_text().count("\n") == 2


def test_a_kill_while_it_learns_leaves_what_was_said_and_its_router_together(copied: Home, tmp_path: Path) -> None:
    good = tmp_path / "good.jsonl"
    good.write_text("".join(f'{{"text": "zorble the cat {i}", "adapter": "words"}}\n' for i in range(3)))
    before = load_registry(copied.registry)
    script = f"""
import os, pathlib
from locoman.store import transaction
from locoman.store.home import Home
from locoman.workflows.router.teach import learn_file
transaction.keep_promise = lambda *_: os._exit(9)
learn_file(Home(pathlib.Path({str(copied.root)!r})), pathlib.Path({str(good)!r}))
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert load_registry(copied.registry) != before
    assert not copied.feedback.exists()
    recover(copied)
    assert copied.feedback.read_text().count("\n") == 3
    if os.name == "posix":
        assert copied.feedback.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "arguments",
    [("ask", "--should", "words"), ("ask", "--wrong"), ("router", "learn"), ("router", "learn", "x", "--undo")],
)
def test_what_makes_no_sense_is_a_usage_error(copied: Home, shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell(*arguments).code == 2


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 nothing", None])
def test_a_router_that_cannot_be_used_is_fitted_again_and_that_is_said(
    copied: Home, shell: Shell, damage: bytes | None
) -> None:
    path = copied.root / load_registry(copied.registry).current().router
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    result = shell("route", "What is 17 + 25?")
    assert result.out.startswith("arithmetic")
    assert "fitted again" in result.err
    assert shell("route", "What is 17 + 25?").err == ""


def test_the_users_own_wishes_go_over_what_adapters_declare(copied: Home, shell: Shell) -> None:
    copied.wishes.write_text(
        'wrong_cost = 4.0\n[keywords]\nwords = ["shibboleth"]\n[minimum_confidence]\ndates = 1.0\n'
    )
    assert shell("router", "fit").code == 0
    decision = shell("route", "say shibboleth please", "--json").document
    assert (decision["adapter"], decision["stage"]) == ("words", "keywords")
    shown = shell("router", "show", "--json").document
    assert shown["wrong_cost"] == 4.0
    assert {row["adapter"]: row["minimum_confidence"] for row in shown["adapters"]}["dates"] == 1.0
    copied.wishes.write_text("wrong_costs = 4.0\n")
    result = shell("router", "fit")
    assert result.code == 1
    assert "wrong_cost" in result.err


def test_the_router_is_measured_on_its_own_examples_and_on_a_file(copied: Home, shell: Shell, tmp_path: Path) -> None:
    own = shell("router", "test", "--json", "--svg", str(tmp_path / "diagram.svg")).document
    assert own["accuracy"] > 0.95
    assert own["questions"] == sum(row["count"] for row in own["confusion"])
    assert (tmp_path / "diagram.svg").read_text().startswith("<svg")
    file = tmp_path / "asked.jsonl"
    file.write_text('{"text": "what is 2 + 3", "adapter": "arithmetic"}\n{"text": "Hello there!", "adapter": null}\n')
    found = shell("router", "test", str(file), "--json").document
    assert (found["questions"], found["right"]) == (2, 2)
    file.write_text('{"text": "what is 2 + 3", "adapter": "algebra"}\n')
    assert shell("router", "test", str(file)).code == 2


def test_the_bench_prints_the_figures_that_were_agreed(copied: Home, shell: Shell, tmp_path: Path) -> None:
    lines = [{"text": f"{verb} the {noun} {number}", "domain": verb} for verb in ("paint", "sell", "eat")
             for noun in ("house", "car", "apple", "chair") for number in (1, 2, 3)]  # fmt: skip
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, lines)))
    asked = [*lines[::2], {"text": "why do we dream", "domain": None}]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, asked)))
    paths = ("--train", str(tmp_path / "train.jsonl"), "--test", str(tmp_path / "test.jsonl"))
    found = shell("router", "bench", *paths, "--k", "8", "--seed", "1", "--json").document
    assert set(found) == {
        "accuracy", "auroc", "oos_recall_at_95", "ece", "kept_at_threshold", "fit_seconds", "decide_ms_p50",
        "decide_ms_p95", "n_test",
    }  # fmt: skip
    assert found["accuracy"] == 1.0
    assert found["n_test"] == len(asked)


def test_a_decision_is_explained(copied: Home, shell: Shell) -> None:
    why = shell("route", "--explain", "--json", "Reverse the word planet. Then add 3 and 4.").document
    assert [part["adapter"] for part in why["parts"]] == ["words", "arithmetic"]
    assert why["nearest"]
    assert why["words"]
    text = shell("route", "--explain", "Reverse the word planet").out
    assert "nearest examples" in text
    assert "threshold" in text


def test_an_adapter_that_claims_anothers_questions_is_named_by_the_doctor(copied: Home, shell: Shell) -> None:
    def check(name: str) -> Check:
        with App.load(copied.root) as app:
            checks = examine(app.home, app.shelf, app.ollama_url, app.engine, deep=False)
            return next(found for found in checks if found.name == name)

    assert check("claims").ok
    packages = {adapter.name: copied.root / adapter.package for adapter in load_registry(copied.registry).adapters}
    victim = (packages["arithmetic"] / "routing.jsonl").read_text()
    poisoned = packages["words"] / "routing.jsonl"
    poisoned.write_text(
        poisoned.read_text() + "\n".join(line for line in victim.splitlines() if '"mine": true' in line)
    )
    assert shell("router", "fit").code == 0
    found = check("claims")
    assert not found.ok
    assert "words" in found.detail
    assert "arithmetic" in found.detail
    lost = [q for q in ("What is 3 + 5?", "Please compute 12 times 11", "9 minus 4") if routed(shell, q) == "words"]
    assert len(lost) <= 1


def test_a_file_that_is_not_the_encoder_is_refused_and_nothing_changes(
    copied: Home, shell: Shell, tmp_path: Path
) -> None:
    before = load_registry(copied.registry)
    fake = tmp_path / "fake.zip"
    with zipfile.ZipFile(fake, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in FILES:
            archive.writestr(f"model/{file.name}", bytes(file.bytes))
    for given in (fake, tmp_path / "missing", tmp_path):
        result = shell("router", "encoder", "install", "--from", str(given))
        assert result.code in (1, 4), result.err
    assert not is_whole(encoder_folder(copied.encoders))
    assert load_registry(copied.registry) == before


def test_the_encoder_is_brought_used_missed_and_removed(known: Home, shell: Shell) -> None:
    files = encoder_files()
    done = shell("router", "encoder", "install", "--from", str(files), "--json").document
    assert done["fits"][0]["encoder"]
    decision = shell("route", "turn the word garden around, letter by letter", "--json").document
    assert decision["stage"] == "encoder"
    assert shell("route", "日本の首都はどこですか", "--json").document["stage"] == "lexical"
    again = shell("router", "fit", "--json").document["fits"][0]
    assert again["encoder"] == done["fits"][0]["encoder"]
    kept = encoder_folder(known.encoders)
    kept.rename(kept.with_name("away"))
    result = shell("route", "What is 17 + 25?")
    assert "(lexical)" in result.out
    assert "locoman router encoder install" in result.err
    kept.with_name("away").rename(kept)
    assert shell("router", "encoder", "remove").code == 0
    assert shell("route", "What is 17 + 25?", "--json").document["stage"] == "lexical"
    assert shell("router", "encoder", "remove").code == 4
