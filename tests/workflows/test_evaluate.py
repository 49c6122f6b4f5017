"""Evaluations on real homes: killed and continued, known and asked again, compared and judged."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from pathlib import Path

import pytest
from support.command import Shell
from support.kills import finish, locoman

from locoman.evaluation.journal import CASES, StoredRun
from locoman.store.home import Home
from locoman.workflows.evaluation_runs import find_run, stored_runs

COUNT = 400


@pytest.fixture
def scripted(home: Home) -> Home:
    """A home whose engine answers from a file; every seventh answer is wrong."""
    home.suites.mkdir(parents=True)
    numbers = range(COUNT)
    cases = [{"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in numbers]
    (home.suites / "sums.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    (home.suites / "sums.toml").write_text("format = 1\n")
    script = home.root / "script.jsonl"
    answers = [{"question": c["question"], "answer": "7" if n % 7 == 0 else c["answer"]} for n, c in enumerate(cases)]
    script.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    home.config.write_text(f'[engine]\nkind = "scripted"\nscript = "{script.as_posix()}"\n')
    return home


def told(run: StoredRun) -> list[tuple[int, str, float | None]]:
    """What does not depend on time."""
    return [(result.case, result.answer, result.score) for result in run.results]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_never_was(scripted: Home) -> None:
    finish(locoman(scripted.root, "eval", "run", "sums", "--limit", "3", "--quiet"))  # everything is compiled
    begun = time.monotonic()
    finish(locoman(scripted.root, "eval", "run", "sums", "--fresh", "--quiet"))
    whole = find_run(scripted, "last")
    seconds = time.monotonic() - begun
    chance = random.Random(5)
    sizes = []
    for _ in range(4):
        process = locoman(scripted.root, "eval", "run", "sums", "--serial", "--quiet")
        time.sleep(seconds * chance.uniform(0.5, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        runs = [run for run in stored_runs(scripted)[0] if run.header.options["serial"]]
        sizes.append(len(runs[0].results) if runs else 0)
    assert sizes == sorted(sizes), "work was lost"
    finish(locoman(scripted.root, "eval", "run", "sums", "--serial", "--quiet"))
    (again,) = [run for run in stored_runs(scripted)[0] if run.header.options["serial"]]
    assert told(again) == told(whole)
    assert again.summary is not None
    assert whole.summary is not None
    assert (again.summary.score, again.summary.ci95) == (whole.summary.score, whole.summary.ci95)
    lines = (again.folder / CASES).read_text().splitlines()
    assert len(lines) == COUNT, "a finished case was asked again"


def test_what_is_known_is_shown_and_asked_again_only_when_that_is_said(scripted: Home, shell: Shell) -> None:
    first = shell("eval", "run", "sums", "--json").document
    assert (first["suite"], first["cases"], first["adapter"], first["cached"]) == ("sums", COUNT, None, False)
    assert first["score"] == pytest.approx(1 - 58 / COUNT)
    assert first["ci95"][0] < first["score"] < first["ci95"][1]
    assert first["seconds"] > 0
    again = shell("eval", "run", "sums", "--json").document
    assert again == first | {"cached": True}
    fresh = shell("eval", "run", "sums", "--fresh", "--json").document
    assert fresh["run"] == f"{first['run']}-2"
    assert not fresh["cached"]
    plan = shell("eval", "run", "sums", "--serial", "--dry-run", "--json").document["plan"]
    assert plan["cases"] == COUNT
    assert plan["runs"][0]["known"] == 0


def test_runs_are_listed_shown_and_compared(scripted: Home, shell: Shell) -> None:
    one = shell("eval", "run", "sums", "--json").document["run"]
    two = shell("eval", "run", "sums", "--serial", "--limit", "100", "--json").document["run"]
    listed = shell("eval", "list", "--json").document
    assert [suite["suite"] for suite in listed["suites"]] == ["sums"]
    assert {run["run"] for run in listed["runs"]} == {one, two}
    shown = shell("eval", "show", one, "--worst", "2")
    assert "What is 7 + 1?" in shown.out
    compared = shell("eval", "compare", one, two, "--json").document
    assert compared["cases"] == 100
    assert compared["alone"] == COUNT - 100
    assert compared["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert compared["p"] == 1.0
    unknown = shell("eval", "show", "nothing-of-the-kind")
    assert unknown.code == 2


def test_bad_suites_and_unknown_names_are_told_with_the_right_exit_code(scripted: Home, shell: Shell) -> None:
    assert shell("eval", "run", "sms").code == 2
    assert "sums" in shell("eval", "run", "sms").err
    (scripted.suites / "sums.jsonl").write_text('{"question": "What?"}\n')
    broken = shell("eval", "run", "sums")
    assert broken.code == 1
    assert "sums.jsonl, line 1" in broken.err
    assert "Next: mend" in broken.err
    assert "line 1" in shell("eval", "list").err
    (scripted.suites / "sums.jsonl").write_text('{"question": "What?", "answer": "2"}\n')
    lost = shell("eval", "run", "sums")
    assert lost.code == 1
    assert "has no answer to" in lost.err


def test_an_adapter_is_better_than_its_base_on_the_real_host_and_serial_answers_are_the_same_each_time(
    own: Home, shell: Shell
) -> None:
    judged = shell("eval", "run", "words", "--limit", "20", "--on", "loco-tiny", "--json")
    assert judged.code == 3, "20 cases are fewer than its gate asks for"
    document = judged.document
    assert document["adapter"] == "words@1.0.0"
    assert document["base_run"]["adapter"] is None
    assert document["verdict"]["gain"]["low"] > 0.3
    assert "too few" in document["verdict"]["reasons"][0]
    for _ in range(2):
        assert shell("eval", "run", "words", "--adapter", "words", "--limit", "8", "--serial", "--fresh").code == 0
    one, two = [run for run in stored_runs(own)[0] if run.header.options["serial"]]
    assert [r.answer.encode() for r in one.results] == [r.answer.encode() for r in two.results]
    assert all(r.prompt_tokens and r.completion_tokens and r.ttft_ms and r.adapter == "words" for r in one.results)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_run_on_the_real_host_that_is_killed_goes_on_where_it_was(own: Home) -> None:
    arguments = ("eval", "run", "dates", "--adapter", "dates", "--serial", "--limit", "30", "--quiet")
    process = locoman(own.root, *arguments)
    deadline = time.monotonic() + 60
    while sum(len(run.results) for run in stored_runs(own)[0]) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (killed,) = stored_runs(own)[0]
    assert 4 <= len(killed.results) < killed.header.total
    finish(locoman(own.root, *arguments))
    (done,) = stored_runs(own)[0]
    assert done.results[: len(killed.results)] == killed.results
    assert len((done.folder / CASES).read_text().splitlines()) == done.header.total
    finish(locoman(own.root, *arguments, "--fresh"))
    unkilled = find_run(own, f"{done.folder.name}-2")
    assert told(unkilled) == told(done)


def test_the_router_can_be_asked_and_who_answered_is_kept(own: Home, shell: Shell, tmp_path: Path) -> None:
    mixed = ["units", "words"]
    lines = [
        line
        for name in mixed
        for line in (Path("adapters") / name / "eval.jsonl").read_text(encoding="utf-8").splitlines()[:6]
    ]
    (tmp_path / "mixed.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "mixed.toml").write_text("format = 1\n")
    result = shell("eval", "run", str(tmp_path / "mixed.toml"), "--adapter", "auto", "--json")
    assert result.code == 0
    (run,) = stored_runs(own)[0]
    assert {r.adapter for r in run.results} >= set(mixed)


def test_a_gate_that_was_trained_on_is_refused(copied: Home, shell: Shell) -> None:
    folder = next((copied.adapters / "units").iterdir())
    case = json.loads((folder / "eval.jsonl").read_text(encoding="utf-8").splitlines()[2])
    with (folder / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"question": case["question"], "answer": "?"}) + "\n")
    refused = shell("eval", "run", "units", "--dry-run")
    assert refused.code == 1
    assert "eval.jsonl, line 3" in refused.err
    assert shell("eval", "run", "units", "--base", "--dry-run").code == 0
