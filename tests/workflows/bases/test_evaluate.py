"""Bases tried out for real: loco-tiny and a twin of it whose weights were disturbed."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.candidates import add_candidate
from support.command import Shell
from support.real_ollama import find_ollama, real_ollama

from locoman.app import App
from locoman.catalog.shelf import shipped
from locoman.catalog.spec import BaseSpec
from locoman.errors import InvalidFile, UsageError
from locoman.evaluation.selection.evidence import STEPS
from locoman.names import BaseRef
from locoman.progress import Progress, quiet_stages
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.workflows.bases.ollama_trial import PREFIX, try_in_ollama
from locoman.workflows.bases.options import Options, parse_steps
from locoman.workflows.bases.steps.suites import read_texts
from locoman.workflows.bases.trial import open_trial
from locoman.workflows.provide.provider import BaseGguf, Offer

QUICK = ("--limit", "12", "--turns", "6")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCOMAN_ENGINE_THREADS", "1")


def disturbed(folder: Path) -> None:
    """loco-tiny's checkpoint with noise in its matrices: the same model to look at, worse to ask."""
    shutil.copytree(shipped("modelfiles") / "loco-tiny", folder)
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    rng = np.random.default_rng(1)
    for name, tensor in header.items():
        if name != "__metadata__" and len(tensor["shape"]) == 2:
            begin, end = (start + offset for offset in tensor["data_offsets"])
            half = np.frombuffer(data[begin:end], dtype="<u2").astype(np.uint32) << 16  # bfloat16
            values = half.view(np.float32)
            noisy = values + rng.normal(0, 0.6 * values.std(), values.shape).astype(np.float32)
            data[begin:end] = (noisy.view(np.uint32) >> 16).astype("<u2").tobytes()
    path.write_bytes(data)


def small_talk(folder: Path) -> Path:
    """A suite of what loco-tiny learnt to say."""
    lines = (shipped("modelfiles") / "loco-tiny" / "conversation.jsonl").read_text(encoding="utf-8").splitlines()
    cases = {case["question"]: case for case in map(json.loads, lines)}
    (folder / "talk.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases.values()))
    (folder / "talk.toml").write_text("format = 1\n")
    return folder / "talk.toml"


def test_two_bases_are_tried_and_the_better_one_is_named_with_evidence(
    shell: Shell, home: Home, tmp_path: Path
) -> None:
    add_candidate(home, "loco-noisy", disturbed)
    texts = tmp_path / "mine.txt"
    texts.write_text("How tall is a house?\n\nWhy?\n")
    export = tmp_path / "laptop.json"
    asked = (
        "base",
        "evaluate",
        "loco-tiny",
        "loco-noisy",
        *QUICK,
        "--texts",
        str(texts),
        "--suite",
        str(small_talk(tmp_path)),
    )
    first = shell(*asked, "--steps", "1-3", "--json").document
    assert first["ranking"]["order"] == ["loco-tiny", "loco-noisy"]
    (comparison,) = first["ranking"]["comparisons"]
    assert (comparison["better"], comparison["decided_by"]) == ("loco-tiny", "score of the bare base")
    assert "95 % interval" in " ".join(comparison["evidence"])

    command = (*asked, "--steps", "1,2,3,5")
    found = shell(*command, "--export", str(export), "--json").document
    assert [each["suites"] for each in found["candidates"]] == [each["suites"] for each in first["candidates"]]
    for each in found["candidates"]:
        states = {step["step"]: step["state"] for step in each["steps"]}
        assert states == {step: "skipped" if step == "training" else "done" for step in STEPS}, each["steps"]
        names = {suite["suite"] for suite in each["suites"]["suites"]}
        assert {"arithmetic", "dates", "units", "words"} <= names
        (mine,) = [x for x in each["suites"]["lengths"] if x["source"] == "mine.txt"]
        assert mine["texts"] == 2 and 0 < mine["p50"] <= mine["longest"] < 100
        use = each["practical"]
        assert use["ttft_ms"]["count"] == 12 and use["ttft_ms"]["median"] > 0
        assert len(use["conversation"]["memory"]) == 6 and use["conversation"]["peak"] > 10_000_000
        assert use["repeat"]["runs"] == 3 and use["repeat"]["differing"] == []
        assert use["ollama"]["works"] is None and "Ollama does not answer" in use["ollama"]["reason"]
        assert use["launcher"]
    assert not list(home.evals.rglob("room")), "the rooms are taken away"

    def dated(document: dict[str, object]) -> dict[str, object]:
        return {key: value for key, value in document.items() if key != "made"}

    again = shell(*command, "--json").document
    assert dated(again) == dated(found), "nothing is measured twice"
    (page,) = home.evals.rglob("loco-noisy/practical.json")
    page.write_text("{")
    mended = shell(*command, "--json").document
    assert mended["candidates"][0] == found["candidates"][0]
    assert mended["candidates"][1]["suites"] == found["candidates"][1]["suites"]
    assert mended["candidates"][1]["practical"] is not None
    assert page.read_text() != "{"

    merged = shell("base", "evaluate", "--merge", str(export), str(export))
    assert merged.code == 0 and merged.out.count("| loco-tiny |") == 1


def test_what_cannot_be_tried_says_why_and_ends_nothing(shell: Shell) -> None:
    names = ("qwen3-1.7b", "llama-3.2-3b-instruct")
    found = shell("base", "evaluate", *names, "--steps", "1-3", "--limit", "1", "--json").document
    by_name = {each["name"]: each for each in found["candidates"]}
    assert "base add Qwen/Qwen3-1.7B" in by_name["qwen3-1.7b"]["steps"][2]["reason"]
    assert "fails licence" in by_name["llama-3.2-3b-instruct"]["steps"][2]["reason"]
    assert found["ranking"]["order"] == ["qwen3-1.7b", "llama-3.2-3b-instruct"]
    assert by_name["qwen3-1.7b"]["figures"]


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed here")
def test_without_torch_the_training_step_says_what_to_install(shell: Shell) -> None:
    found = shell("base", "evaluate", "loco-tiny", "--steps", "training", "--json").document
    step = found["candidates"][0]["steps"][3]
    assert step["state"] == "skipped" and 'pip install "locoman[train]"' in step["reason"]


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch (extra train)")
def test_the_same_quick_adapter_is_trained_and_asked(shell: Shell) -> None:
    found = shell(
        "base", "evaluate", "loco-tiny", "--steps", "4", "--limit", "20", "--train-steps", "20", "--json"
    ).document
    training = found["candidates"][0]["training"]
    assert training["gain"] > 0.1 and training["steps"] >= 20
    assert training["validation"][0]["step"] == 0
    assert training["validation"][-1]["loss"] < training["validation"][0]["loss"]
    assert training["steps_to_90"] <= training["steps"]
    assert 100_000 < training["adapter_bytes"] < 10_000_000


def test_a_base_that_cannot_be_brought_here_is_a_skipped_step(shell: Shell, home: Home) -> None:
    add_candidate(home, "loco-gone")
    (home.modelfiles / "loco-gone" / "model.safetensors").unlink()
    result = shell("base", "evaluate", "loco-gone", "loco-tiny", "--steps", "3", "--limit", "1", "--json")
    steps = {each["name"]: each["steps"][2] for each in result.document["candidates"]}
    assert steps["loco-gone"]["state"] == "failed" and "safetensors" in steps["loco-gone"]["reason"]
    assert steps["loco-tiny"]["state"] == "done"
    assert result.code == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "No base was named"),
        (("nobody",), 2, "There is no base or candidate"),
        (("loco-tiny", "--steps", "6"), 2, "no step"),
        (("loco-tiny", "--texts", "nowhere.txt"), 1, "nowhere.txt"),
        (("loco-tiny", "--task", "nothing"), 2, "nothing"),
        (("loco-tiny", "--suite", "nowhere.toml"), 1, "nowhere.toml"),
        (("--merge",), 2, "--export"),
        (("--merge", "nowhere.json"), 1, "nowhere.json"),
    ],
)
def test_bad_input_is_refused_before_anything_is_tried(
    shell: Shell, home: Home, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = shell("base", "evaluate", *arguments)
    assert result.code == code, result.err
    assert words in result.err
    assert not home.evals.exists()


def test_a_plan_tries_nothing(shell: Shell, home: Home) -> None:
    result = shell("base", "evaluate", "loco-tiny", "--limit", "5", "--dry-run")
    assert result.code == 0 and "cases" in result.out
    assert not home.evals.exists()


@pytest.mark.parametrize(
    ("text", "steps"),
    [("", STEPS), ("1-5", STEPS), ("3", ("suites",)), ("5,1", ("filter", "practical")), ("suites, 4", ("suites", "training"))],
)  # fmt: skip
def test_steps_are_named_by_number_or_word(text: str, steps: tuple[str, ...]) -> None:
    assert parse_steps(text) == steps


@pytest.mark.parametrize("text", ["0", "6", "1-9", "suits", "1-", "-"])
def test_other_steps_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no step"):
        parse_steps(text)


def test_the_same_bases_asked_in_the_same_way_are_the_same_run() -> None:
    options = Options()
    assert options.run_name(("a", "b")) == options.run_name(("b", "a"))
    assert options.run_name(("a",)) != Options(limit=5).run_name(("a",))
    assert options.run_name(("a",)) == Options(steps=("suites",)).run_name(("a",)), "steps add to a run"


def test_texts_are_lines_or_json(tmp_path: Path) -> None:
    plain, lines = tmp_path / "a.txt", tmp_path / "b.jsonl"
    plain.write_text("one\n\n two \n")
    lines.write_text('{"text": "one", "other": 1}\n{"question": "two", "answer": "three"}\n')
    assert list(read_texts(plain)) == ["one", "two"]
    assert list(read_texts(lines)) == ["one", "two\nthree"]


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", b"\n"), ("a.txt", b"\xff\xfe"), ("a.jsonl", b'{"a": 1}\n'), ("a.jsonl", b"{")]
)
def test_texts_that_are_none_are_refused_with_their_line(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidFile, match=name):
        list(read_texts(path))


@pytest.mark.skipif(find_ollama() is None, reason="needs a real Ollama (LOCOMAN_TEST_OLLAMA)")
def test_ollama_makes_a_model_of_it_answers_and_keeps_nothing(home: Home, tmp_path: Path) -> None:
    from locoman.ollama.api import OllamaApi

    binary = find_ollama()
    assert binary is not None
    with App.load() as app, real_ollama(binary, tmp_path / "ollama") as url:
        spec = app.shelf.spec(BaseRef("loco-tiny"))
        with open_trial(app.bench(quiet_stages), spec, home.root / "room") as trial:
            found = try_in_ollama(url, trial, quiet_stages)
        assert found.works, found.reason
        assert found.answer.strip() and found.version
        with OllamaApi(url) as api:
            assert not [tag for tag in api.tags() if tag.name.startswith(PREFIX)]


class Elsewhere:
    """A provider that keeps what it downloads outside of the staging folder, as the hub's does."""

    name = "elsewhere"

    def __init__(self, file: Path) -> None:
        self.file = file

    def offer(self, spec: BaseSpec) -> Offer:
        return Offer(self.name, "downloaded", 1, 1)

    def provide(self, spec: BaseSpec, staging: Path, progress: Progress) -> BaseGguf:
        return BaseGguf(self.file, "downloaded", sha256_of(self.file), self.file.stat().st_size)


def test_what_a_trial_downloaded_stays_for_the_next_who_needs_it(home: Home, tmp_path: Path) -> None:
    with App.load() as app:
        bench = app.bench(quiet_stages)
        spec = app.shelf.spec(BaseRef("loco-tiny"))
        with open_trial(bench, spec, tmp_path / "first") as trial:
            file = shutil.copyfile(trial.gguf, tmp_path / "downloaded.gguf")
        with open_trial(replace(bench, providers=(Elsewhere(file),)), spec, tmp_path / "second") as trial:
            assert trial.gguf == file
        assert file.is_file()
    assert not home.registry.exists(), "nothing of it is installed in the user's own home"
