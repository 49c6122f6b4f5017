from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.arbiter_base import install_arbiter, install_few, unseen_questions
from support.command import Shell
from support.installed import copy_home
from support.kills import finish, locoman

from locoman.app import App
from locoman.contracts import Candidate, Decision, Engine
from locoman.routing.stages.arbiter import Arbiter, is_close
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows.router.arbitration import Measured, arbiter_of, descriptions, read_measured, write_measured
from locoman.workflows.router.examine import examine_arbiter
from locoman.workflows.router.ready import open_router

_CAPABLE = os.environ.get("LOCOMAN_TEST_ARBITER")
CLOSE = Decision(
    "units",
    0.4,
    "encoder",
    (Candidate("units", 0.4), Candidate("dates", 0.35), Candidate(None, 0.2), Candidate("words", 0.05)),
)


def test_a_real_base_gives_its_opinion_as_probabilities(installed: Path) -> None:
    home = Home(installed)
    base = load_registry(home.registry).current()
    with App.load(installed) as app:
        decision = Arbiter(app.engine(), descriptions(home, base)).review("how many days are 3 weeks", CLOSE)
    assert sum(candidate.probability for candidate in decision.candidates) == pytest.approx(1)
    assert decision is CLOSE or decision.stage == "arbiter"


def test_only_a_base_that_was_measured_to_help_arbitrates(installed: Path, home: Home) -> None:
    base = load_registry(Home(installed).registry).current()
    asked: list[str] = []

    def engine() -> object:
        asked.append("engine")
        return object()

    own = Home(home.root)
    assert arbiter_of(own, base, engine) is None  # type: ignore[arg-type]
    write_measured(own, base, Measured(60, 40, 41, False))
    assert arbiter_of(own, base, engine) is None  # type: ignore[arg-type]
    assert asked == []
    assert read_measured(own)[base.sha256].asked == 60


def test_a_damaged_measurement_is_none(home: Home) -> None:
    home.arbiters.parent.mkdir(parents=True, exist_ok=True)
    home.arbiters.write_text("{")
    assert read_measured(home) == {}


def test_a_large_base_helps_where_the_router_is_unsure() -> None:
    if _CAPABLE is None:
        pytest.skip("LOCOMAN_TEST_ARBITER names no home with a capable base: only loco-arbiter below was shown")
    with App.load(Path(_CAPABLE)) as app:
        found = examine_arbiter(app.home, app.registry().current(), app.engine())
    assert found["helps"], found


# --- loco-tiny fine-tuned for the choice, in a real host ----------------------------------------------------------------


@pytest.fixture(scope="module")
def arbiter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with loco-arbiter, not measured yet; its host runs."""
    folder = tmp_path_factory.mktemp("arbiter")
    home = install_arbiter(folder / "home", folder)
    yield home
    finish(locoman(home.root, "stop"))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of questions that neither the router nor the arbiter has learned from."""
    path = tmp_path_factory.mktemp("asked") / "asked.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in unseen_questions()))
    return path


def test_the_test_turns_on_a_base_that_helps(arbiter: Home, asked: Path, shell: Shell) -> None:
    home = ("--home", str(arbiter.root))
    assert shell("router", "show", "--json", *home).document["arbiter"] == "never measured"
    result = shell("router", "test", str(asked), "--arbiter", "--json", *home)
    found = result.document["arbiter"]
    assert found["asked"] == 60
    assert found["helps"], found
    assert found["after"] >= found["before"] + 12, found
    assert shell("router", "show", "--json", *home).document["arbiter"] == "on"


def test_the_base_decides_where_the_router_is_unsure(arbiter: Home, shell: Shell) -> None:
    home = ("--home", str(arbiter.root))
    with App.load(arbiter.root) as app:
        base = app.registry().current()
        alone, engine, told = open_router(app.home, base, print), app.engine(), descriptions(app.home, base)
        write_measured(app.home, base, Measured(60, 30, 50, True))
        lines = [line for line in unseen_questions() if is_close(alone.alone(str(line["text"])))]
        nobodys = [str(line["text"]) for line in lines if line["adapter"] is None]
        close = [*[str(line["text"]) for line in lines if line["adapter"] is not None][::30][:6], *nobodys[:6]]
        chosen = [Arbiter(engine, told).review(q, alone.alone(q)) for q in close]
    assert {decision.stage for decision in chosen} == {"arbiter"}
    changed = [(q, d) for q, d in zip(close, chosen, strict=True) if d.adapter != alone.alone(q).adapter]
    assert changed
    none = [(q, d) for q, d in zip(close, chosen, strict=True) if d.adapter is None]
    assert none
    for question, decision in (changed[0], none[0]):
        why = shell("route", "--explain", "--json", question, *home).document  # in this process
        through = shell("route", "--json", question, *home).document  # in the host
        for found in (why, through):
            assert (found["stage"], found["adapter"]) == ("arbiter", decision.adapter)
        assert "(arbiter)" in shell("route", "--explain", question, *home).out
        asked = shell("ask", "--json", question, *home).document
        assert (asked["stage"], asked["adapter"]) == ("arbiter", decision.adapter)


def test_what_is_clear_costs_no_question_to_the_base(arbiter: Home, shell: Shell) -> None:
    decision = shell("route", "--json", "What is 17 + 25?", "--home", str(arbiter.root)).document
    assert (decision["adapter"], decision["stage"]) == ("arithmetic", "lexical")


def test_the_test_leaves_a_base_off_that_is_too_small(arbiter: Home, asked: Path, tmp_path: Path, shell: Shell) -> None:
    """The same adapters with the same few examples, beside loco-tiny as it ships."""
    home = install_few(tmp_path / "few", tmp_path)
    found = shell("router", "test", str(asked), "--arbiter", "--json", "--home", str(home.root)).document["arbiter"]
    finish(locoman(home.root, "stop"))
    assert found["asked"] == 60
    assert not found["helps"], found
    assert shell("router", "show", "--json", "--home", str(home.root)).document["arbiter"] == "off"
    assert arbiter_of(home, load_registry(home.registry).current(), _nobody) is None


def _nobody() -> Engine:
    raise AssertionError("nobody is asked on a base that is off")


def test_too_few_close_questions_say_nothing(installed: Path, home: Home, shell: Shell) -> None:
    own = Home(copy_home(installed, home.root))
    shell("config", "engine.threads", "1")
    found = shell("router", "test", "--arbiter", "--json").document["arbiter"]
    finish(locoman(own.root, "stop"))
    assert found["asked"] < 20
    assert not found["helps"]


def test_a_running_host_hears_that_its_base_arbitrates(arbiter: Home, shell: Shell) -> None:
    home = ("--home", str(arbiter.root))
    with App.load(arbiter.root) as app:
        base = app.registry().current()
        lineup = app.lineup()
        write_measured(app.home, base, Measured(60, 30, 30, False))
        off = lineup.current()
        write_measured(app.home, base, Measured(60, 30, 50, True))
        on = lineup.current()
    assert (off.decider.router._arbiter, on.decider.router._arbiter is None) == (None, False)  # type: ignore[attr-defined]
    assert shell("router", "show", "--json", *home).document["arbiter"] == "on"
