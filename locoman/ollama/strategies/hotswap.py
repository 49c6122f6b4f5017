"""Nothing in Ollama but the base: locoman's host answers for the adapters, in Ollama's own dialect. Costs nothing."""

from __future__ import annotations

from collections.abc import Sequence

from locoman.ollama.api import OllamaApi
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.strategies import making
from locoman.ollama.strategies.strategy import Made, Work
from locoman.ollama.wanted import PlannedFile, WantedAdapter, WantedBase
from locoman.store.registry import OllamaModel, StrategyName


class HotswapStrategy:
    """See `Strategy`."""

    name: StrategyName = "hotswap"

    def unable(self, able: Capabilities) -> str:
        """See `Strategy`."""
        return ""

    def plan(self, base: WantedBase, adapter: WantedAdapter, records: Sequence[OllamaModel]) -> tuple[PlannedFile, ...]:
        """See `Strategy`."""
        return ()

    def apply(self, work: Work, base: WantedBase, adapter: WantedAdapter) -> Made:
        """See `Strategy`: there is nothing to do."""
        return Made()

    def verify(self, api: OllamaApi, base: WantedBase, adapter: WantedAdapter, model: OllamaModel) -> str:
        """See `Strategy`: nothing is wanted in Ollama."""
        return ""

    def remove(self, api: OllamaApi, model: OllamaModel) -> None:
        """See `Strategy`."""
        making.remove_model(api, model.tag)
