"""The seam between the host and whatever runs llama.cpp."""

from __future__ import annotations

from typing import Protocol

from locoman.engines.host.launchers.process import Child
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.plan import LaunchPlan


class Launcher(Protocol):
    """A way to run llama.cpp's server."""

    @property
    def name(self) -> str:
        """For people: "xllamacpp", "ollama (gpu)"."""
        ...

    def identity(self) -> str:
        """Changes when another binary would run. Raises MissingPrerequisite when there is none."""
        ...

    async def launch(self, plan: LaunchPlan, log: BoundedLog) -> Child:
        """Returns when the model is loaded; must be called from the main thread: Linux ties the child's life to the thread
        that made it. Raises MissingPrerequisite, EngineUnavailable."""
        ...
