"""What an evaluation of bases takes, and what identifies it: the same command goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from locoman.errors import UsageError
from locoman.evaluation.selection.evidence import STEPS, StepName
from locoman.names import nearest

DEFAULT_TASK = "arithmetic"


@dataclass(frozen=True, slots=True)
class Options:
    """How bases are evaluated.

    Args:
        steps: which of the five are taken.
        suites: TOML files asked beside the adapters' own sets. limit: cases per suite, 0: all.
        task: the adapter package whose examples the quick adapter learns. train_steps: for how long.
        texts: a file of somebody's own texts, whose lengths count.
        turns: of the long conversation.
        download: fetch a checkpoint from the hub where training needs one.
        eliminated_too: try out those that fail a requirement, as well.
    """

    steps: tuple[StepName, ...] = STEPS
    suites: tuple[Path, ...] = ()
    limit: int = 0
    task: str = DEFAULT_TASK
    train_steps: int = 60
    texts: Path | None = None
    turns: int = 50
    download: bool = False
    eliminated_too: bool = False

    def document(self) -> dict[str, str | int | list[str]]:
        """What changes results, as it is stored; files by their names alone."""
        return {
            "steps": list(self.steps),
            "suites": [path.name for path in self.suites],
            "limit": self.limit,
            "task": Path(self.task).name,
            "train_steps": self.train_steps,
            "texts": self.texts.name if self.texts else "",
            "turns": self.turns,
        }

    def run_name(self, names: tuple[str, ...]) -> str:
        """The folder of this evaluation: the same bases asked in the same way have the same one."""
        what = [sorted(names), self.document() | {"steps": []}, [str(path.absolute()) for path in self.suites]]
        digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
        return f"{'-'.join(sorted(names))[:60].rstrip('.-_')}-{digest[:8]}"


def parse_steps(text: str) -> tuple[StepName, ...]:
    """ "1-3", "1,4", "suites,practical" or "" for all. Raises UsageError."""
    if not text.strip():
        return STEPS
    wanted: set[int] = set()
    for part in re.split(r"[\s,]+", text.strip()):
        numbers = re.fullmatch(r"([1-5])(?:-([1-5]))?", part)
        if numbers:
            wanted |= set(range(int(numbers[1]), int(numbers[2] or numbers[1]) + 1))
        elif part in STEPS:
            wanted.add(STEPS.index(part) + 1)
        else:
            close = nearest(part, STEPS)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise UsageError(f"{part[:40]!r} is no step: write 1 to {len(STEPS)}, or {', '.join(STEPS)}.{hint}")
    return tuple(step for number, step in enumerate(STEPS, start=1) if number in wanted)
