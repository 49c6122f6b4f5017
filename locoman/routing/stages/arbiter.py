"""The last stage: where the others are unsure, the base model itself chooses among the likeliest adapters and none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from locoman.contracts import Candidate, Decision, Engine, Message, Request
from locoman.errors import EngineError
from locoman.names import BASE
from locoman.routing.stages.verdict import Demands
from locoman.routing.text import MAX_CHARACTERS

NAME = "arbiter"
MARGIN = 0.35  # between the two likeliest candidates; a larger one is left alone
MOST = 3  # adapters to choose among
NONE = "none of these"
_LETTERS = "ABCD"


@dataclass(frozen=True, slots=True)
class Arbiter:
    """Asks an engine. `descriptions` maps adapters to what they say of themselves."""

    engine: Engine
    descriptions: Mapping[str, str]
    margin: float = MARGIN

    def review(self, question: str, decision: Decision, demands: Demands | None = None) -> Decision:
        """`decision`, or a better one where it was close. An engine that cannot answer leaves it as it was."""
        if not is_close(decision, self.margin):
            return decision
        ranked = sorted(decision.candidates, key=lambda candidate: -candidate.probability)
        likeliest = [candidate for candidate in ranked if candidate.adapter is not None][:MOST]
        # By name: the base is not to see in the order what the router thinks, and many models have a weakness for A.
        adapters = sorted(likeliest, key=lambda candidate: str(candidate.adapter))
        none = next((candidate for candidate in ranked if candidate.adapter is None), Candidate(None, 0.0))
        choices = [*adapters, none]
        described = [self.descriptions.get(str(choice.adapter), str(choice.adapter)) for choice in adapters]
        try:
            answer = self.engine.choose(asked(question, described), letters(described))
        except EngineError:
            return decision
        return _combined(decision, choices, answer, demands or Demands({}))


def is_close(decision: Decision, margin: float = MARGIN) -> bool:
    """Whether the two likeliest candidates are less than `margin` apart."""
    ranked = sorted((candidate.probability for candidate in decision.candidates), reverse=True)
    return len(ranked) > 1 and ranked[0] - ranked[1] < margin


def letters(described: Sequence[str]) -> list[str]:
    """The possible answers to `asked`: one for each description, the last for none of them."""
    return list(_LETTERS[: len(described) + 1])


def asked(question: str, described: Sequence[str]) -> Request:
    """What the base is asked; `described` are descriptions of at most MOST adapters."""
    lines = [f"{letter}: {text}" for letter, text in zip(letters(described), [*described, NONE], strict=True)]
    prompt = (
        "Which kind of question is it? Answer with one letter.\n"
        + "\n".join(lines)
        + f"\n\nQuestion: {question[:MAX_CHARACTERS]}\n\nLetter:"
    )
    return Request((Message("user", prompt),), BASE)


def _combined(decision: Decision, choices: Sequence[Candidate], answer: Sequence[float], demands: Demands) -> Decision:
    """Both opinions count: the product of the probabilities, as for independent evidence, divided by its sum.

    An adapter that is then likeliest, but not as likely as is demanded, is not taken.
    """
    products = [choice.probability * weight for choice, weight in zip(choices, answer, strict=True)]
    if not sum(products) > 0:
        return decision
    room = sum(choice.probability for choice in choices)
    shares = {choice.adapter: room * p / sum(products) for choice, p in zip(choices, products, strict=True)}
    candidates = tuple(Candidate(c.adapter, shares.get(c.adapter, c.probability)) for c in decision.candidates)
    best = max(shares, key=lambda adapter: shares[adapter])
    refused = None if best is None else demands.refusal(best, shares[best])
    taken = None if refused else best
    return Decision(taken, shares[taken], NAME, candidates, refused=refused)
