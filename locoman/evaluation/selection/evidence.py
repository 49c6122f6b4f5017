"""What trying bases out brought: one complete value, that goes to disk, to a report, and between laptops.

All of it is read back strictly (`read_evaluation`): a file from another laptop is not trusted. Shares are from 0 to 1, times in
milliseconds where a name says so and else in seconds, sizes in bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from locoman.catalog.candidates import Figure
from locoman.documents import read_text
from locoman.errors import InvalidFile
from locoman.evaluation.selection.check import Check
from locoman.evaluation.selection.dimensions import Dimension

MAX_FILE_BYTES = 32 << 20
MAX_CANDIDATES = 50

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Count = Annotated[int, Meta(ge=0)]
Amount = Annotated[float, Meta(ge=0.0)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=4000)]

StepName = Literal["filter", "figures", "suites", "training", "practical"]
STEPS: tuple[StepName, ...] = ("filter", "figures", "suites", "training", "practical")


class Machine(Struct, frozen=True, forbid_unknown_fields=True):
    """A machine without its name: processor, cores (physical), memory, system."""

    cpu: Text
    cores: Count
    memory_bytes: Count
    system: Text

    @property
    def label(self) -> str:
        """As tables name it."""
        return f"{self.cpu}, {self.cores} cores, {self.memory_bytes / 1e9:.0f} GB, {self.system}"


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """How a step went. `reason` says why it was skipped or failed."""

    step: StepName
    state: Literal["done", "skipped", "failed"]
    seconds: Amount = 0.0
    reason: Text = ""


class SuiteScore(Struct, frozen=True, forbid_unknown_fields=True):
    """A suite answered by one model; `scores` one per case, in the suite's order."""

    suite: Name
    digest: Name
    score: Share
    ci95: tuple[Share, Share]
    scores: tuple[Share, ...]
    seconds: Amount


class Lengths(Struct, frozen=True, forbid_unknown_fields=True):
    """How long texts are, in this base's tokens: prompts with their answers, or somebody's own texts."""

    source: Name
    texts: Count
    p50: Count
    p95: Count
    longest: Count


class Suites(Struct, frozen=True, forbid_unknown_fields=True):
    """Step 3: all suites by the bare base; `left_out` pairs a suite that could not be asked with the reason.

    `needed` is the context that holds all but one in twenty of the texts of every source; `offered` is what the base is
    run with.
    """

    suites: tuple[SuiteScore, ...]
    left_out: tuple[tuple[Name, Text], ...] = ()
    lengths: tuple[Lengths, ...] = ()
    needed: Count = 0
    offered: Count = 0

    @property
    def mean(self) -> float:
        """The mean of the suites' scores, each suite counting the same; 0.0 without any."""
        return sum(each.score for each in self.suites) / len(self.suites) if self.suites else 0.0


class LossPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """The loss (nats per learnt token) at an optimizer step."""

    step: Count
    loss: Amount


class Trainability(Struct, frozen=True, forbid_unknown_fields=True):
    """Step 4: the same quick adapter on each base.

    `losses` of the training batches, `validation` of examples held back; `steps_to_90` is the first step at which nine tenths
    of the fall of the loss are behind; None where it did not fall. `before` and `after` are the task's own suite by the bare
    base and with the adapter.
    """

    task: Name
    steps: Count
    parameters: Count
    losses: tuple[LossPoint, ...]
    validation: tuple[LossPoint, ...]
    steps_to_90: Count | None
    before: SuiteScore
    after: SuiteScore
    adapter_bytes: Count
    seconds: Amount

    @property
    def gain(self) -> float:
        """What the adapter brought, a share; negative where it is worse."""
        return self.after.score - self.before.score


class Spread(Struct, frozen=True, forbid_unknown_fields=True):
    """Repeated measurements."""

    median: Amount
    p95: Amount
    count: Count


class OllamaTrial(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether Ollama makes a model of it and answers; `works` None where that could not be tried, `reason` why."""

    works: bool | None
    version: Text = ""
    reason: Text = ""
    answer: Text = ""


class Repeat(Struct, frozen=True, forbid_unknown_fields=True):
    """The same questions at temperature 0, `runs` times; `differing` are those whose answers differ."""

    runs: Count
    questions: Count
    differing: tuple[Text, ...] = ()


class Conversation(Struct, frozen=True, forbid_unknown_fields=True):
    """Memory over one long conversation: `memory` in bytes after each turn, `slope` in bytes per turn.

    The slope is by least squares over the turns after the context was full once, the second half of all at most, five at
    least.
    `forgotten` counts turns at which the oldest ones had to be left out to fit the context.
    """

    turns: Count
    memory: tuple[Count, ...]
    slope: float
    forgotten: Count
    ttft_ms: tuple[Amount, ...]

    @property
    def peak(self) -> int:
        return max(self.memory, default=0)


class Practical(Struct, frozen=True, forbid_unknown_fields=True):
    """Step 5: how it is to use it on this machine. `load_ms`: the first question, model loading included."""

    launcher: Text
    load_ms: Amount
    ttft_ms: Spread
    tokens_per_second: Spread
    conversation: Conversation
    ollama: OllamaTrial
    repeat: Repeat


class CandidateEvaluation(Struct, frozen=True, forbid_unknown_fields=True):
    """All evidence about one base; a step that was not taken has no value, and `steps` says why."""

    name: Name
    title: Text
    licence: Text
    parameters: Amount
    quantization: Text
    bytes: Count
    fingerprint: Text
    checks: tuple[Check, ...]
    dimensions: tuple[Dimension, ...]
    steps: tuple[Step, ...]
    figures: tuple[Figure, ...] = ()
    suites: Suites | None = None
    training: Trainability | None = None
    practical: Practical | None = None

    @property
    def eliminated(self) -> bool:
        """Whether a requirement failed."""
        return any(check.outcome == "failed" for check in self.checks)


class Comparison(Struct, frozen=True, forbid_unknown_fields=True):
    """Two bases side by side. `decided_by` is the first criterion that tells them apart; "" where none does."""

    better: Name
    worse: Name
    decided_by: Text
    evidence: tuple[Text, ...]


class Ranking(Struct, frozen=True, forbid_unknown_fields=True):
    """Best first, the eliminated last; neighbours compared."""

    order: tuple[Name, ...]
    comparisons: tuple[Comparison, ...]


class BaseEvaluation(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything: on what machine, with what options, what was found of whom, and who is better by what evidence."""

    format: Literal[1]
    run: Name
    made: Text
    version: Text
    machine: Machine
    options: dict[str, str | int | list[str]]
    candidates: Annotated[tuple[CandidateEvaluation, ...], Meta(max_length=MAX_CANDIDATES)]
    ranking: Ranking

    def document(self) -> dict[str, Any]:
        """As JSON, with what is reckoned from the rest: means, gains, peaks."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        for each, found in zip(plain["candidates"], self.candidates, strict=True):
            each["eliminated"] = found.eliminated
            if found.suites:
                each["suites"]["mean"] = found.suites.mean
            if found.training:
                each["training"]["gain"] = found.training.gain
            if found.practical:
                each["practical"]["conversation"]["peak"] = found.practical.conversation.peak
        return plain


def read_evaluation(path: Path) -> BaseEvaluation:
    """An evaluation as `--export` wrote it. Raises InvalidFile, StoreError."""
    text = read_text(path, MAX_FILE_BYTES)
    try:
        found = msgspec.json.decode(text, type=BaseEvaluation)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidFile(path, f"no evaluation of bases that locoman exported: {str(error)[:200]}") from error
    names = [each.name for each in found.candidates]
    if len(set(names)) != len(names) or sorted(found.ranking.order) != sorted(names):
        raise InvalidFile(path, "its ranking is not of its candidates")
    return found
