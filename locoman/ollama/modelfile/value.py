"""A Modelfile as a frozen value: its instructions in order, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

KNOWN = (
    "FROM", "ADAPTER", "DRAFT", "TEMPLATE", "SYSTEM", "RENDERER", "PARSER", "REQUIRES", "PARAMETER", "MESSAGE", "LICENSE",
)  # fmt: skip
ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Args:
        name: in capitals; one that is not in KNOWN is kept as it is.
        value: the text behind it, without quotes.
        key: the name of a PARAMETER, the role of a MESSAGE, else "".
        line: where it begins in the text it was read from, counted from 1; 0 when it was not read. Not compared.
    """

    name: str
    value: str
    key: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Modelfile:
    """The instructions in order. Where Ollama goes by the last of several, so do `template`, `system` and their like."""

    instructions: tuple[Instruction, ...]

    @classmethod
    def of(
        cls,
        from_: str,
        *,
        adapters: Iterable[str] = (),
        template: str | None = None,
        system: str | None = None,
        parameters: Iterable[tuple[str, str]] = (),
        messages: Iterable[tuple[str, str]] = (),
        licences: Iterable[str] = (),
    ) -> Modelfile:
        """A Modelfile in the usual order; what is None is left out. `parameters` are (name, value), `messages` (role, text)."""
        single = ("TEMPLATE", template), ("SYSTEM", system)
        return cls(
            (
                Instruction("FROM", from_),
                *(Instruction("ADAPTER", path) for path in adapters),
                *(Instruction(name, value) for name, value in single if value is not None),
                *(Instruction("PARAMETER", value, name) for name, value in parameters),
                *(Instruction("MESSAGE", text, role) for role, text in messages),
                *(Instruction("LICENSE", text) for text in licences),
            )
        )

    def all(self, name: str) -> tuple[Instruction, ...]:
        """Every instruction called `name` (in capitals)."""
        return tuple(instruction for instruction in self.instructions if instruction.name == name)

    @property
    def froms(self) -> tuple[str, ...]:
        """The values of FROM: a model's name, or files (weights, projector)."""
        return tuple(instruction.value for instruction in self.all("FROM"))

    @property
    def adapters(self) -> tuple[str, ...]:
        """Every ADAPTER; Ollama takes the last alone, and does not say so."""
        return tuple(instruction.value for instruction in self.all("ADAPTER"))

    @property
    def template(self) -> str | None:
        """The prompt's Go template."""
        return self._last("TEMPLATE")

    @property
    def system(self) -> str | None:
        """The system message."""
        return self._last("SYSTEM")

    @property
    def renderer(self) -> str | None:
        """The name of the code in Ollama that writes the prompt in the template's place."""
        return self._last("RENDERER")

    @property
    def parser(self) -> str | None:
        """The name of the code in Ollama that reads the answer."""
        return self._last("PARSER")

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """(name, value) in order; names can repeat."""
        return tuple((instruction.key, instruction.value) for instruction in self.all("PARAMETER"))

    @property
    def messages(self) -> tuple[tuple[str, str], ...]:
        """(role, text) of the conversation that every chat begins with."""
        return tuple((instruction.key, instruction.value) for instruction in self.all("MESSAGE"))

    @property
    def licences(self) -> tuple[str, ...]:
        """The licences' texts or names."""
        return tuple(instruction.value for instruction in self.all("LICENSE"))

    @property
    def unknown(self) -> tuple[Instruction, ...]:
        """Instructions that this version does not know: kept, and written again as they were."""
        return tuple(instruction for instruction in self.instructions if instruction.name not in KNOWN)

    def _last(self, name: str) -> str | None:
        found = self.all(name)
        return found[-1].value if found else None
