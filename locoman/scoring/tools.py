"""What some scorers work with: a judge asks an engine, code runs in a sandbox."""

from __future__ import annotations

from dataclasses import dataclass

from locoman.contracts import Engine
from locoman.scoring.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Tools:
    """Handed in by whoever builds a scorer; `sandbox` only where the user allowed that code is run."""

    engine: Engine | None = None
    sandbox: Sandbox | None = None
