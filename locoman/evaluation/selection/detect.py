"""Base or instruct: an instruct model has a chat template, ends a turn with a token at which generation ends, and stops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from locoman.contracts import Engine, Message
from locoman.evaluation.practical.asking import ask
from locoman.evaluation.practical.questions import OPEN, TURNS
from locoman.progress import Progress

MARK = "It is the fourth of them."
"""An answer that no template writes by itself."""
CONVERSATION = (Message("user", "Which one is it?"), Message("assistant", MARK))
PROBE_TOKENS = 128
PROBE = (*TURNS[:1], *OPEN[:5])
"""What is asked to see whether answers end."""

Kind = Literal["instruct", "base", ""]


class Signal(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that speaks for a kind ("" for none), and how it is known."""

    name: str
    says: Kind
    detail: str


def by_template(template: str) -> Signal:
    """A model without a chat template is no instruct model; many bare bases have one nevertheless."""
    if not template.strip():
        return Signal("chat template", "base", "it has no chat template")
    return Signal("chat template", "", "it has a chat template, as many bare bases have too")


def by_end_of_turn(whole: str | None, ends: Sequence[str]) -> Signal:
    """`whole` is CONVERSATION as the template writes it, `ends` the tokens at which generation ends."""
    name = "end of a turn"
    if whole is None or MARK not in whole:
        return Signal(name, "", "the chat template does not write a plain conversation")
    if not ends:
        return Signal(name, "", "it does not tell at which token an answer ends")
    rest = whole[whole.rindex(MARK) + len(MARK) :].strip()
    found = next((end for end in ends if end and rest.startswith(end)), None)
    if found is not None:
        return Signal(name, "instruct", f"a turn ends with {found}, at which generation ends")
    told = f"a turn ends with {rest[:30]!r}" if rest else "nothing ends a turn"
    return Signal(name, "base", f"{told}, and generation with {', '.join(ends[:4])}")


def by_probe(engine: Engine, progress: Progress) -> Signal:
    """Asks a few questions: a bare base goes on and on where an instruct model ends its answer. Raises EngineError."""
    ended = 0
    for done, question in enumerate(PROBE, start=1):
        answer = ask(engine, (Message("user", question),), PROBE_TOKENS)
        ended += bool(answer.text.strip()) and answer.finish == "stop"
        progress(done, len(PROBE), "questions")
    return Signal(
        "probe",
        "instruct" if 2 * ended >= len(PROBE) else "base",
        f"{ended} of {len(PROBE)} answers ended by themselves within {PROBE_TOKENS} tokens",
    )


def decide(signals: Sequence[Signal]) -> Kind:
    """Without a template it is bare; else behaviour has the last word, and where nobody looked, the end of a turn."""
    said = {signal.name: signal.says for signal in signals}
    if said.get("chat template") == "base":
        return "base"
    return said.get("probe") or said.get("end of a turn") or ""
