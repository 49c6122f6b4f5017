"""The rule: from evidence to a verdict. Its numbers stand in thresholds.toml, its words in docs/migration.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from locoman.migration.evidence import Evidence, LevelName, Verdict

_RULED_OUT: Mapping[LevelName, Verdict] = {
    "structure": "incompatible",
    "tokenizer": "incompatible",
    "licence": "incompatible",
    "template": "retrain",
    "drift": "retrain",
    "behaviour": "retrain",
}
"""What a failed level means for the adapter."""


def ruled_out(evidence: Sequence[Evidence]) -> bool:
    """Whether some level says that the adapter's weights cannot move; the levels behind it need no look."""
    return any(item.finding.outcome == "fail" for item in evidence)


def decide(evidence: Sequence[Evidence]) -> tuple[Verdict, Evidence]:
    """The verdict, and the evidence (at least one is there) on which it rests.

    Fingerprints can prove that a model is another one, never that it is the same in all that matters to an adapter: only
    answers make one compatible.
    """
    behaviour = next((item for item in evidence if item.level == "behaviour"), None)
    if behaviour is not None and behaviour.finding.word == "base suffices":
        return "obsolete", behaviour
    for item in evidence:
        if item.finding.outcome == "fail":
            return _RULED_OUT[item.level], item
    licence = next((item for item in evidence if item.level == "licence"), None)
    if licence is not None and licence.finding.outcome != "pass":
        return "recheck", licence
    if behaviour is None:
        return "recheck", next((item for item in evidence if item.finding.outcome != "pass"), evidence[-1])
    return ("compatible" if behaviour.finding.outcome == "pass" else "recheck"), behaviour
