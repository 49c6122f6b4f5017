"""The last stage: where the others are unsure, the base model itself chooses among the likeliest adapters and none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from locoman.contracts import Candidate, Decision, Engine, Message, Request
from locoman.errors import EngineError
from locoman.names import BASE
from locoman.routing.text import MAX_CHARACTERS

NAME = "arbiter"
MARGIN = 0.35  # between the two likeliest candidates; a larger one is left alone
MOST = 3  # adapters to choose among
_LETTERS = "ABCD"


@dataclass(frozen=True, slots=True)
class Arbiter:
    """Asks an engine. `descriptions` maps adapters to what they say of themselves."""

    engine: Engine
    descriptions: Mapping[str, str]
    margin: float = MARGIN

    def review(self, question: str, decision: Decision) -> Decision:
        """`decision`, or a better one where it was close. An engine that cannot answer leaves it as it was."""
        ranked = sorted(decision.candidates, key=lambda candidate: -candidate.probability)
        if len(ranked) < 2 or ranked[0].probability - ranked[1].probability >= self.margin:
            return decision
        adapters = [candidate for candidate in ranked if candidate.adapter is not None][:MOST]
        none = next((candidate for candidate in ranked if candidate.adapter is None), Candidate(None, 0.0))
        choices = [*adapters, none]
        try:
            answer = self.engine.choose(self._request(question, choices), list(_LETTERS[: len(choices)]))
        except EngineError:
            return decision
        return self._combined(decision, choices, answer)

    def _request(self, question: str, choices: list[Candidate]) -> Request:
        lines = [
            f"{letter}: {self.descriptions.get(choice.adapter, choice.adapter) if choice.adapter else 'none of these'}"
            for letter, choice in zip(_LETTERS, choices, strict=False)
        ]
        prompt = (
            "Which kind of question is it? Answer with one letter.\n"
            + "\n".join(lines)
            + f"\n\nQuestion: {question[:MAX_CHARACTERS]}\n\nLetter:"
        )
        return Request((Message("user", prompt),), BASE)

    @staticmethod
    def _combined(decision: Decision, choices: list[Candidate], answer: object) -> Decision:
        """Both opinions count: the product of the probabilities, as for independent evidence, divided by its sum."""
        weights = [float(share) for share in answer]  # type: ignore[attr-defined]
        products = [choice.probability * weight for choice, weight in zip(choices, weights, strict=True)]
        room = sum(choice.probability for choice in choices)
        if not sum(products) > 0:
            return decision
        shares = {choice.adapter: room * p / sum(products) for choice, p in zip(choices, products, strict=True)}
        candidates = tuple(Candidate(c.adapter, shares.get(c.adapter, c.probability)) for c in decision.candidates)
        best = max(choices, key=lambda choice: shares[choice.adapter]).adapter
        return Decision(best, shares[best], NAME, candidates)
