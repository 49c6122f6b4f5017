"""Which of llama.cpp's KV slots a request goes to, and with which adapters.

llama.cpp keys nothing it caches by adapter: not its prompt cache in host memory, not the choice of a slot by likeness
of prompts (llama.cpp #26207, #27148). Answers are right only if a slot's cache is never continued under other weights.
So every owner (an adapter, or the plain base) has its own slot, every request names its slot and the scale of every
adapter, and where there are more owners than slots a slot that changes hands is told to forget.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MAX_SLOTS = 64
"""llama.cpp allows 256 sequences in one context; more slots than this would only cost memory."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a request goes; `fresh` = what the slot holds belongs to somebody else and must not be continued."""

    number: int
    fresh: bool


class SlotTable:
    """Owners and their slots; the owner not seen for longest gives its slot up when there are too few."""

    def __init__(self, count: int) -> None:
        self._free = list(range(count - 1, -1, -1))
        self._owned: OrderedDict[str | None, int] = OrderedDict()

    @property
    def occupancy(self) -> tuple[int, int]:
        """Slots in all, and those that have an owner."""
        return len(self._free) + len(self._owned), len(self._owned)

    def assign(self, owner: str | None) -> Slot:
        """The slot of `owner` (an adapter's name, None = the plain base)."""
        if owner in self._owned:
            self._owned.move_to_end(owner)
            return Slot(self._owned[owner], fresh=False)
        number = self._free.pop() if self._free else self._owned.popitem(last=False)[1]
        self._owned[owner] = number
        return Slot(number, fresh=True)


def lora_list(names: tuple[str, ...], active: str | None, scale: float) -> list[dict[str, float]]:
    """llama.cpp's `lora` for a request: every loaded adapter by its number, all off but `active`."""
    return [{"id": number, "scale": scale if name == active else 0.0} for number, name in enumerate(names)]
