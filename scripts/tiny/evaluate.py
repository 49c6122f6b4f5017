"""A quick evaluation with torch, greedy, for use while training; the figures that count come from scripts/bench."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locoman.catalog.manifest import Case
from locoman.scoring import find_scorer
from locoman.training.loop import device

ROWS = 256
LONGEST_ANSWER = 24


@dataclass(frozen=True)
class Answered:
    """A case with what the model said."""

    case: Case
    answer: str

    @property
    def score(self) -> float:
        """1.0 or 0.0, by the scorer `exact`."""
        return find_scorer("exact").score(self.answer, self.case.target).value


def share_right(answered: Sequence[Answered]) -> float:
    """The mean score."""
    return sum(one.score for one in answered) / len(answered)


class Student:
    """A base, with or without an adapter, that answers."""

    def __init__(self, base: Path, adapter: Path | None = None) -> None:
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(base)
        model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        if adapter is not None:
            model = PeftModel.from_pretrained(model, adapter)
        self.model = model.to(device()).eval()

    def answer(self, cases: Sequence[Case]) -> list[Answered]:
        """Greedy answers in the order of the cases."""
        prompts = [
            self.tokenizer.apply_chat_template(
                [{"role": "user", "content": case.question}], add_generation_prompt=True, tokenize=False
            )
            for case in cases
        ]
        answers: list[str] = []
        for start in range(0, len(prompts), ROWS):
            answers += self._generate(prompts[start : start + ROWS])
        return [Answered(case, answer) for case, answer in zip(cases, answers, strict=True)]

    def _generate(self, prompts: list[str]) -> list[str]:
        import torch

        batch = self.tokenizer(
            prompts, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False
        ).to(device())
        with torch.no_grad():
            ids = self.model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=LONGEST_ANSWER,
                do_sample=False,
            )
        answers: list[str] = self.tokenizer.batch_decode(
            ids[:, batch["input_ids"].shape[1] :], skip_special_tokens=True
        )
        return answers
