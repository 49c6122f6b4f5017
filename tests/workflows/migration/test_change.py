"""A change of base from announcement to rollback or retirement, on real models through the real host."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from support.altered_bases import random_model
from support.browser import open_page
from support.candidates import add_candidate
from support.command import Shell

from locoman.app import App
from locoman.catalog.shelf import shipped
from locoman.store.home import Home
from locoman.store.registry import load_registry


def state(home: Home) -> tuple[object, ...]:
    """What must be as before once a change is taken back: all but the record of the change."""
    registry = load_registry(home.registry)
    return registry.base, registry.bases, registry.adapters, registry.ollama


def ask(shell: Shell, question: str) -> tuple[str, str | None, str]:
    answer = shell.done("ask", question)
    return answer["answer"], answer["adapter"], answer["base"]


def test_a_base_on_which_all_adapters_do_as_well(own: Home, shell: Shell, tmp_path: Path) -> None:
    add_candidate(own)
    before = state(own)
    shell.done("migrate", "announce", "loco-twin")
    checked = shell.done("migrate", "check", "--sample", "50")
    assert {item["verdict"] for item in checked["adapters"]} == {"compatible"}
    assert shell.done("migrate", "check", "--sample", "50", "--dry-run")["todo"] == []
    shell.done("migrate", "prepare")
    early = shell("migrate", "apply")
    assert early.code == 3 and "--override" in early.err
    assert load_registry(own.registry).base == "loco-tiny"
    shell.done("migrate", "apply", "--override", "a test")
    assert ask(shell, "What is 17 + 25?") == ("42", "arithmetic", "loco-twin")
    with App.load(own.root) as app:
        assert app.shelf.standard().ref.name == "loco-twin"
        assert {spec.ref.name: spec.spec.status for spec in app.shelf.specs()}["loco-tiny"] == "previous"
    page = tmp_path / "migration.html"
    shell.done("migrate", "report", "--out", str(page))
    opened = open_page(page, tmp_path)
    assert (opened.console, opened.asked) == ((), frozenset())
    assert "From loco-tiny to loco-twin" in opened.dom and opened.dom.count("<svg") == 1
    assert opened.dom.count(">compatible</span>") == 4
    shell.done("migrate", "rollback", "--yes")
    assert state(own) == before
    assert ask(shell, "What is 17 + 25?") == ("42", "arithmetic", "loco-tiny")
    with App.load(own.root) as app:
        assert app.shelf.standard().ref.name == "qwen3-4b-instruct"


def test_a_base_for_which_all_must_be_trained_again_is_served_by_the_old_one_until_it_is_retired(
    own: Home, shell: Shell
) -> None:
    add_candidate(own, "loco-other", lambda folder: random_model(folder, 3))
    shell.done("migrate", "announce", "loco-other")
    checked = shell.done("migrate", "check", "--sample", "1")
    assert {item["verdict"] for item in checked["adapters"]} == {"retrain"}
    prepared = shell.done("migrate", "prepare")
    assert "locoman adapter train words --base loco-other" in [item["command"] for item in prepared["retrain"]]
    if importlib.util.find_spec("torch") is None:
        refused = shell("migrate", "prepare", "--train")
        assert refused.code == 4 and "locoman[train]" in refused.err
    shell.done("migrate", "apply", "--override", "a test")
    assert ask(shell, "What is 17 + 25?") == ("42", "arithmetic", "loco-tiny")
    assert ask(shell, "Hello, how are you today?")[1:] == (None, "loco-other")
    first, second = shell("ask", "What is 17 + 26?"), shell("ask", "What is 17 + 27?")
    assert "arithmetic has no version for loco-other yet" in first.err
    assert "has no version" not in second.err
    recipes = own.migrations.glob("*/documents/retrain/*/adapter.toml")
    assert sorted(path.parent.name for path in recipes) == ["arithmetic", "dates", "units", "words"]
    assert shell("migrate", "retire", "--yes").code == 3
    shell.done("migrate", "retire", "--yes", "--override", "a test")
    registry = load_registry(own.registry)
    assert [base.name for base in registry.bases] == ["loco-other"] and registry.migration is None
    assert ask(shell, "What is 17 + 25?")[1:] == (None, "loco-other")


def test_what_was_added_in_between_stays_when_the_change_is_taken_back(own: Home, shell: Shell, tmp_path: Path) -> None:
    add_candidate(own)
    shell.done("migrate", "announce", "loco-twin")
    shell.done("migrate", "check", "--sample", "1")
    shell.done("migrate", "prepare")
    shell.done("migrate", "apply", "--override", "a test")
    mine = tmp_path / "mine"
    shutil.copytree(shipped("adapters") / "words", mine)
    shutil.move(mine / "weights" / "loco-tiny", mine / "weights" / "loco-twin")
    manifest = mine / "adapter.toml"
    text = manifest.read_text().replace('name = "loco-tiny"', 'name = "loco-twin"')
    manifest.write_text(text.replace('name = "words"', 'name = "mine"').replace('domain = "words"', 'domain = "mine"'))
    shell.done("adapter", "add", str(mine))
    plan = shell.done("migrate", "rollback", "--dry-run")
    assert (plan["kept"], plan["base_removed"]) == (["mine@1.0.0"], None)
    shell.done("migrate", "rollback", "--yes")
    registry = load_registry(own.registry)
    assert registry.base == "loco-tiny"
    assert [str(adapter.ref) for adapter in registry.adapters_of("loco-twin")] == ["mine@1.0.0"]
    assert ask(shell, "What is 17 + 25?") == ("42", "arithmetic", "loco-tiny")
    assert shell.done("ask", "--model", "loco-twin/mine", "Spell planet backwards.")["adapter"] == "mine"


def test_a_step_before_its_turn(own: Home, shell: Shell) -> None:
    for step in ("plan", "check", "prepare", "apply", "rollback", "retire"):
        refused = shell("migrate", step)
        assert refused.code == 2 and "locoman migrate announce" in refused.err, step
    add_candidate(own)
    shell.done("migrate", "announce", "loco-twin")
    assert shell.done("migrate", "plan")["without_cases"] == []
    for step in ("prepare", "apply", "retire"):
        refused = shell("migrate", step)
        assert refused.code == 2 and "locoman migrate check" in refused.err, step
    second = shell("migrate", "announce", "loco-twin")
    assert second.code == 2 and "announced" in second.err


def test_nothing_was_ever_announced(copied: Home, shell: Shell) -> None:
    assert shell.done("migrate", "status") == {"migration": None}
