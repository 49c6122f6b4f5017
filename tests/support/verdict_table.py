"""The table of docs/migration.md: altered bases x adapters, and the verdict on each, found with real answers.

`PYTHONPATH=.:tests python -m support.verdict_table` writes it anew.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.altered_bases import ALTERED, NEXT, TINY, AlteredBase, of_checkpoint
from support.tiny_answers import TinyModel

from locoman.catalog.manifest import AdapterPackage, read_package
from locoman.catalog.shelf import shipped
from locoman.migration.check import check_adapter
from locoman.migration.evidence import AdapterVerdict, Verdict
from locoman.migration.scores import Asked, Scores
from locoman.migration.subject import subject_of
from locoman.scoring import find_scorer

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"
BEGIN, END = "<!-- verdicts: made by tests/support/verdict_table.py -->", "<!-- end of verdicts -->"
ADAPTERS = ("arithmetic", "dates", "units", "words")
MANY, FEW = 120, 80
"""Cases that are asked where the weights are in question, and where they are ruled out."""

EXPECTED: Mapping[str, tuple[Verdict, ...]] = {
    "other dimensions": ("incompatible",) * 4,
    "other tokenizer": ("incompatible",) * 4,
    "other template": ("retrain",) * 4,
    "other licence": ("incompatible", "incompatible", "obsolete", "incompatible"),
    "only requantized": ("compatible",) * 4,
    "fine-tuned a little": ("compatible",) * 4,
    "another model of the same shape": ("retrain", "retrain", "obsolete", "retrain"),
}
"""What each adapter of ADAPTERS should be told, by how the bases were made: not by what was measured."""

MADE_FROM: Mapping[str, str] = {
    "other dimensions": "loco-tiny with more feed-forward units that do nothing",
    "other tokenizer": "loco-tiny with the numbers of its tokens shuffled",
    "other template": "loco-tiny, addressed in another form",
    "other licence": "loco-tiny-next under CC-BY-NC-ND-4.0",
    "only requantized": "loco-tiny in Q8_0, Q6_K or Q5_K_M",
    "fine-tuned a little": "loco-tiny with all weights moved by 3 % of their spread",
    "another model of the same shape": "loco-tiny-next with its units in another order",
}


@cache
def package(adapter: str) -> AdapterPackage:
    """A shipped package."""
    return read_package(shipped("adapters") / adapter)


@cache
def tiny() -> TinyModel:
    """loco-tiny itself."""
    return TinyModel.of_checkpoint(TINY)


def scores(model: TinyModel, adapter: str, count: int) -> tuple[float, ...]:
    """The model's scores on the first `count` of the adapter's own cases."""
    cases, scorer = package(adapter).cases()[:count], find_scorer(package(adapter).manifest.gate.scorer)
    answers = model.answers([case.question for case in cases])
    return tuple(scorer.score(answer, case.target).value for answer, case in zip(answers, cases, strict=True))


@cache
def on_old(adapter: str) -> tuple[float, ...]:
    """The adapter's scores on its own base."""
    folder = package(adapter).weights
    assert folder is not None
    return scores(tiny().with_adapter(folder), adapter, 200)


@dataclass(frozen=True)
class TinyMeasure:
    """Has an adapter's own cases answered on an altered base."""

    adapter: str
    base: AlteredBase
    many: int = MANY

    def __call__(self, asked: Sequence[Asked]) -> Scores:
        count = self.many if "adapter on new" in asked else FEW
        return {who: self.of(who, count) for who in asked}

    def of(self, who: Asked, count: int) -> tuple[float, ...]:
        """Scores of one of them."""
        folder = package(self.adapter).weights
        assert folder is not None
        if who == "adapter on old":
            return on_old(self.adapter)[:count]
        return scores(
            self.base.model.with_adapter(folder) if who == "adapter on new" else self.base.model, self.adapter, count
        )


def verdicts(change: str, seed: int) -> dict[str, AdapterVerdict]:
    """The verdict on each adapter for a base that was changed so."""
    with tempfile.TemporaryDirectory(prefix="locoman-altered-") as folder:
        base = ALTERED[change](Path(folder) / "base", seed)
        return {
            adapter: check_adapter(subject_of(package(adapter)), base.candidate, TinyMeasure(adapter, base), seed=seed)
            for adapter in ADAPTERS
        }


def next_verdicts() -> dict[str, AdapterVerdict]:
    """The verdict on each adapter for loco-tiny-next as it ships."""
    base = of_checkpoint(NEXT)
    return {a: check_adapter(subject_of(package(a)), base.candidate, TinyMeasure(a, base, 200)) for a in ADAPTERS}


def render(found: Mapping[str, Mapping[str, AdapterVerdict]]) -> str:
    """The table in Markdown; a verdict that is not the expected one is told with both."""
    lines = ["| the new base | made from | " + " | ".join(ADAPTERS) + " |", "|---" * (2 + len(ADAPTERS)) + "|"]
    for change, by in found.items():
        cells = [_cell(by[adapter], EXPECTED[change][place]) for place, adapter in enumerate(ADAPTERS)]
        lines.append(f"| {change} | {MADE_FROM[change]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(found: AdapterVerdict, expected: Verdict) -> str:
    told = found.verdict if found.verdict == expected else f"**{found.verdict}**, expected {expected}"
    return f"{told} ({found.decided_by})"


def shown() -> str:
    """The table that docs/migration.md has now."""
    return PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0].strip()


def write(seed: int = 0) -> None:
    """Renews it."""
    table = render({change: verdicts(change, seed) for change in ALTERED})
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
