"""The evaluations of several laptops in one table, by base and machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from locoman.evaluation.selection.evidence import BaseEvaluation, CandidateEvaluation, Machine


@dataclass(frozen=True, slots=True)
class MachineRow:
    """A base on a machine."""

    machine: Machine
    run: str
    candidate: CandidateEvaluation


@dataclass(frozen=True, slots=True)
class Merged:
    """Rows by base, then machine. `odd` names what contradicts: the same name for other weights."""

    rows: tuple[MachineRow, ...]
    odd: tuple[str, ...]


def merge(evaluations: Sequence[BaseEvaluation]) -> Merged:
    """One row for each base on each machine; of the same base on the same machine the newest run counts."""
    newest: dict[tuple[str, Machine], tuple[str, MachineRow]] = {}
    for evaluation in evaluations:
        for candidate in evaluation.candidates:
            key = (candidate.name, evaluation.machine)
            row = MachineRow(evaluation.machine, evaluation.run, candidate)
            if key not in newest or newest[key][0] < evaluation.made:
                newest[key] = (evaluation.made, row)
    ordered = sorted(newest, key=lambda key: (key[0], key[1].label))
    rows = tuple(newest[key][1] for key in ordered)
    prints: dict[str, set[str]] = {}
    for row in rows:
        if row.candidate.fingerprint:
            prints.setdefault(row.candidate.name, set()).add(row.candidate.fingerprint)
    odd = tuple(f"{name} is not the same model in all files" for name, found in prints.items() if len(found) > 1)
    return Merged(rows, odd)
