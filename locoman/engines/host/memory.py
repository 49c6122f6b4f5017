"""How much memory there is for bases and their adapters, and how much KV costs so little that it need not be spared."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import psutil

from locoman.errors import LocomanError
from locoman.weights.gguf import GgufFile

_SHARE = 0.75
"""Of the machine's memory; the rest is for everything else."""
_CHEAP_KV = 256 * 1024 * 1024
_MOST_CONTEXTS = 16


class Machine(Protocol):
    """A machine's memory in bytes."""

    def total(self) -> int:
        """All of it."""
        ...

    def available(self) -> int:
        """What could be had now without swapping."""
        ...


class ThisMachine:
    """The machine that the host runs on."""

    def total(self) -> int:
        """See Machine."""
        return int(psutil.virtual_memory().total)

    def available(self) -> int:
        """See Machine."""
        return int(psutil.virtual_memory().available)


def budget(machine: Machine, limit: int) -> int:
    """Bytes for all bases together: `limit`, or the machine's share if that is 0."""
    return limit or int(machine.total() * _SHARE)


def fits(machine: Machine, need: int, used: int, limit: int) -> bool:
    """Whether `need` more bytes may be taken beside the `used` ones."""
    return used + need <= budget(machine, limit) and (bool(limit) or need <= machine.available())


def cells_for(gguf: Path, context: int) -> int:
    """Tokens of KV to keep for a base: one context, and more where its KV is small (f16, see GGUF's attention keys)."""
    try:
        with GgufFile.open(gguf) as file:
            arch = file.metadata.get("general.architecture")
            facts = [file.metadata.get(f"{arch}.{key}") for key in _KEYS]
    except LocomanError:
        return context  # llama.cpp will say what is wrong with the file
    if not all(isinstance(fact, int) and fact > 0 for fact in facts):
        return context
    layers, heads, key, value = (int(str(fact)) for fact in facts)
    per_token = layers * heads * (key + value) * 2
    return max(context, min(_MOST_CONTEXTS * context, _CHEAP_KV // per_token))


_KEYS = ("block_count", "attention.head_count_kv", "attention.key_length", "attention.value_length")
