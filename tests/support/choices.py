"""Models to choose from, for tests of choosing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from locoman.catalog.candidates import Figure
from locoman.catalog.licences import find_licence
from locoman.evaluation.selection.check import Wishes
from locoman.evaluation.selection.subject import Subject

TODAY = date(2026, 11, 21)
WISHES = Wishes(TODAY)


def subject(name: str = "good", **changes: object) -> Subject:
    """A model that meets every hard requirement."""
    made = Subject(
        name=name, title="Good", kind="instruct", licence="Apache-2.0", terms=find_licence("Apache-2.0"),
        parameters=4e9, architecture="qwen3", quantization="Q4_K_M", quantized_bytes=2_500_000_000, memory_bytes=None,
        context=32768, vocabulary=None, languages=("en", "de"), languages_total=100, released="2025-08",
        line_released="2025-08", line_release="", gguf=True, ollama="", repository="some/good", tools=(),
        figures=(tuned(1),), facts="test", status="candidate",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def tuned(rank: float) -> Figure:
    """A rank after fine-tuning."""
    return Figure("fine-tuned rank", rank, "a study", "2025-06", "rank")
