"""How many contract cases ran on which Ollama, and whether the real one and its stand-in came to the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

FILE = "ollama/test_contract.py"
_SUBJECT = re.compile(r"(?<=[\[-])(real|stand-in [\d.]+)(?=(-[^\[]*)?\]$)")
_PEER = "stand-in 0.33.0"
_REAL = "real"


def summary_lines(outcomes: Iterable[tuple[str, str]]) -> Iterator[str]:
    """One line for each server and one on both; nothing where no contract case ran. `outcomes` are (node id, outcome)."""
    cases: dict[str, dict[str, str]] = {}
    for node, outcome in outcomes:
        match = _SUBJECT.search(node) if FILE in node.replace("\\", "/") else None
        if match is not None:
            cases.setdefault(match[0], {})[f"{node[: match.start()]}*{node[match.end() :]}"] = outcome
    for subject in sorted(cases):
        found = list(cases[subject].values())
        told = ", ".join(f"{found.count(outcome)} {outcome}" for outcome in sorted(set(found)))
        yield f"{subject}: {len(found)} cases, {told}"
    if cases and _REAL not in cases:
        yield "real: none here (LOCOMAN_TEST_OLLAMA names no server, and there is no `ollama` on PATH)"
    elif _PEER in cases and _REAL in cases:
        yield from _compared(cases[_PEER], cases[_REAL])


def _compared(peer: dict[str, str], real: dict[str, str]) -> Iterator[str]:
    both = [case for case in peer if case in real]
    other = [case for case in both if peer[case] != real[case]]
    alone = len(peer) + len(real) - 2 * len(both)
    yield f"{len(both)} cases ran on both, {len(both) - len(other)} with the same result, {alone} on one alone"
    for case in other:
        yield f"  differs: {case.rpartition('::')[2]}: {peer[case]} on the stand-in, {real[case]} on the real server"
