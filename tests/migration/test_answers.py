"""The quick answers that stand in for an engine in these tests are llama.cpp's."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import verdict_table
from support.altered_bases import TINY
from support.llama_probe import ask_llama

from locoman.weights.convert import convert, plan_conversion
from locoman.weights.lora import convert_lora, plan_lora


@pytest.mark.parametrize("adapter", ["dates", "words"])
def test_they_are_the_engines_own(tmp_path: Path, adapter: str) -> None:
    pytest.importorskip("xllamacpp", reason="there is no llama.cpp wheel for this machine")
    package = verdict_table.package(adapter)
    assert package.weights is not None
    base, lora = tmp_path / "base.gguf", tmp_path / "lora.gguf"
    convert(plan_conversion(TINY, "F32"), base)
    convert_lora(plan_lora(package.weights, TINY, "F32"), lora)
    model = verdict_table.tiny().with_adapter(package.weights)
    questions = [case.question for case in package.cases()[:20]]
    on = [{"id": 0, "scale": 1.0}]
    calls = [
        (
            "/completion",
            {"prompt": model.prompt(question), "n_predict": 24, "temperature": 0, "lora": on},
        )
        for question in questions
    ]
    assert [answer["content"] for answer in ask_llama(base, calls, [lora])] == model.answers(questions)
