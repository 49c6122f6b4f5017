"""What is read of the Modelfile that /api/show writes, which Ollama quotes so carelessly that it cannot always be parsed."""

from __future__ import annotations


def from_value(modelfile: str) -> str | None:
    """The value of the FROM that opens a Modelfile written by /api/show; None when something else comes first.

    Ollama writes FROM ahead of every other instruction and without quotes; a FROM further down may stand in the text
    of a template or a licence.
    """
    for line in modelfile.split("\n"):
        if line.strip() and not line.startswith("#"):
            instruction, _, value = line.strip().partition(" ")
            return value.strip() or None if instruction.upper() == "FROM" else None
    return None


def adapter_values(modelfile: str) -> tuple[str, ...]:
    """The values of the ADAPTERs that Ollama writes right behind that FROM; further down they may stand in a text."""
    found = []
    for line in modelfile.split("\n"):
        if line.strip() and not line.startswith("#"):
            instruction, _, value = line.strip().partition(" ")
            if instruction.upper() not in ("FROM", "ADAPTER"):
                break
            if instruction.upper() == "ADAPTER" and value.strip():
                found.append(value.strip())
    return tuple(found)
