"""The standard base's spec and its prompt-only adapters, as they ship."""

from __future__ import annotations

import itertools

import jinja2
import pytest

from locoman.catalog.manifest import AdapterPackage, Case, read_package
from locoman.catalog.shelf import shipped
from locoman.catalog.spec import BaseSpec, read_spec
from locoman.documents import read_jsonl
from locoman.scoring import find_scorer


@pytest.fixture(scope="module")
def base() -> BaseSpec:
    return read_spec(shipped("modelfiles") / "qwen3-4b-instruct.toml")


@pytest.fixture(params=["code", "math-reasoning", "writing"])
def package(request: pytest.FixtureRequest) -> AdapterPackage:
    return read_package(shipped("adapters") / request.param)


def test_the_ready_gguf_is_pinned_by_revision_and_digest(base: BaseSpec) -> None:
    assert base.spec.status == "standard"
    assert base.spec.gguf is not None
    assert len(base.spec.gguf.revision) == 40
    assert len(base.spec.gguf.sha256) == 64


@pytest.mark.parametrize("options", [{}, {"trim_blocks": True, "lstrip_blocks": True}])
def test_the_chat_template_renders_chatml(base: BaseSpec, options: dict[str, bool]) -> None:
    template = jinja2.Environment(**options).from_string(base.chat_template())
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi\n there "},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "2 < 3?"},
    ]
    assert template.render(messages=messages, add_generation_prompt=True) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi\n there <|im_end|>\n"
        "<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\n2 < 3?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert template.render(messages=messages[1:2]) == "<|im_start|>user\nHi\n there <|im_end|>\n"


def test_a_prompt_only_package_says_so_and_carries_a_recipe(package: AdapterPackage, base: BaseSpec) -> None:
    manifest = package.manifest
    assert (manifest.kind, manifest.base.name) == ("prompt", base.spec.name)
    assert manifest.prompt.system
    assert manifest.prompt.repeat_question
    assert manifest.training is not None
    assert "Prompt-only until its weights are trained" in (package.folder / "README.md").read_text(encoding="utf-8")


def test_every_right_answer_is_scored_right_and_a_neighbours_wrong(package: AdapterPackage) -> None:
    scorer = find_scorer(package.manifest.gate.scorer)
    cases = package.cases()
    assert all(scorer.score(answer, case.target).value == 1.0 for case in cases for answer in case.accepted)
    others = [scorer.score(one.answer, other.target).value for one, other in itertools.pairwise(cases)]
    assert sum(others) <= 0.1 * len(others)


def test_no_evaluation_question_is_in_the_training_set(package: AdapterPackage) -> None:
    asked = [case.question for case in package.cases()]
    assert len(set(asked)) == len(asked)
    learnt = [case.question for case in read_jsonl(package.folder / "train.jsonl", Case)]
    assert not set(asked) & set(learnt)
    assert len(learnt) >= 30
