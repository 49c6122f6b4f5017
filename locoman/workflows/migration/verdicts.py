"""The verdicts of a change of base as its journal keeps them, and what follows from each for the adapter."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

import msgspec

from locoman.migration.evidence import AdapterVerdict
from locoman.migration.journal import Journal
from locoman.migration.thresholds import Thresholds
from locoman.names import AdapterRef, Version
from locoman.store.migrations import Migration
from locoman.store.registry import InstalledAdapter, InstalledBase, Registry

STEP = "check"
Fate = Literal["moves", "stays", "goes"]
"""moves: to the new base as it is. stays: answers on the old base until it is retrained. goes: the new base does as well."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An adapter that answers on the old base, and the verdict on it; None when it was not checked as it is now.

    `ready`: somebody made a version of it for the new base, so that there is nothing to check.
    """

    adapter: InstalledAdapter
    verdict: AdapterVerdict | None
    ready: bool = False

    @property
    def known(self) -> bool:
        """Whether it is clear what becomes of it."""
        return self.ready or self.verdict is not None

    @property
    def word(self) -> str:
        """The verdict, "ready", or "unchecked" where there is none."""
        return "ready" if self.ready else self.verdict.verdict if self.verdict is not None else "unchecked"

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        if self.ready:
            return "There is a version for the new base."
        return self.verdict.reason if self.verdict is not None else "It was not checked as it is now."

    @property
    def to_retrain(self) -> bool:
        """Whether its weights are of no use on the new base, while its recipe is."""
        return self.fate == "stays" and self.word == "retrain"

    @property
    def fate(self) -> Fate:
        """What becomes of it. Only what is shown to work moves; what nobody looked at stays where it works."""
        if self.ready:
            return "moves"
        if self.verdict is None:
            return "stays"
        if self.verdict.verdict == "obsolete":
            return "goes"
        shown = self.verdict.at("behaviour")
        proven = shown is not None and shown.finding.outcome != "open"
        moves = self.verdict.verdict == "compatible" or (self.verdict.verdict == "recheck" and proven)
        return "moves" if moves else "stays"


def retrain_command(adapter: InstalledAdapter, migration: Migration) -> str:
    """What makes its version for the new base."""
    return f"locoman adapter train {adapter.name} --base {migration.new}"


def key_of(adapter: InstalledAdapter, new: InstalledBase, rule: Thresholds, limit: int) -> str:
    """A digest of all that a verdict depends on; with another one the adapter has to be checked again."""
    parts = [adapter.package, adapter.sha256, new.fingerprint, new.sha256, msgspec.to_builtins(rule), limit]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def write(journal: Journal, adapter: InstalledAdapter, key: str, verdict: AdapterVerdict) -> None:
    """Keeps a verdict. Raises StoreError."""
    journal.write(STEP, adapter.name, key, verdict)


def read(journal: Journal, adapter: InstalledAdapter, key: str) -> AdapterVerdict | None:
    """The verdict on this adapter under this key. Raises InvalidFile."""
    entry = journal.last(STEP, adapter.name, key)
    return msgspec.convert(entry.data, AdapterVerdict) if entry is not None else None


def read_all(journal: Journal, registry: Registry, migration: Migration) -> tuple[Checked, ...]:
    """Every adapter that answers on the old base with its last verdict, if the adapter is still the one that was checked.

    Raises InvalidFile.
    """
    old = registry.find_base(migration.old)
    last = {entry.subject: entry for entry in journal.entries() if entry.step == STEP}
    found = []
    for adapter in registry.active_of(old) if old is not None else ():
        entry = last.get(adapter.name)
        verdict = msgspec.convert(entry.data, AdapterVerdict) if entry is not None else None
        same = verdict is not None and verdict.adapter == str(adapter.ref)
        found.append(Checked(adapter, verdict if same else None, is_ready(registry, migration, adapter)))
    return tuple(found)


def is_ready(registry: Registry, migration: Migration, adapter: InstalledAdapter) -> bool:
    """Whether the new base has a version of the adapter that is more than the copy which was made to try it."""
    versions = {a.ref for a in registry.adapters_of(migration.new) if a.name == adapter.name}
    return bool(versions - {carried_ref(adapter.ref)})


def carried_ref(ref: AdapterRef) -> AdapterRef:
    """The version under which an adapter's copy stands on the new base: one minor version on."""
    number = ref.number
    return AdapterRef(ref.name, Version(number.major, number.minor + 1, 0))
