"""The adapter as a layer of its own on the base's blob: Ollama up to 0.34.0. Costs the adapter's size."""

from __future__ import annotations

from collections.abc import Sequence

from locoman.errors import OllamaRefused
from locoman.ollama.api import OllamaApi
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.strategies import making
from locoman.ollama.strategies.strategy import Made, Work
from locoman.ollama.wanted import PlannedFile, WantedAdapter, WantedBase
from locoman.store.registry import OllamaModel, StrategyName


class NativeStrategy:
    """See `Strategy`."""

    name: StrategyName = "native"

    def unable(self, able: Capabilities) -> str:
        """See `Strategy`."""
        return "" if able.adapters_at_create else str(making.no_adapters(able.version))

    def plan(self, base: WantedBase, adapter: WantedAdapter, records: Sequence[OllamaModel]) -> tuple[PlannedFile, ...]:
        """See `Strategy`."""
        return (PlannedFile(adapter.sha256, adapter.bytes),) if adapter.gguf else ()

    def apply(self, work: Work, base: WantedBase, adapter: WantedAdapter) -> Made:
        """See `Strategy`."""
        if adapter.gguf is None:
            making.make_on_base(work, base, adapter, {})
            return Made()
        made = making.hand_over(work, str(adapter.ref), adapter.gguf, adapter.sha256)
        try:
            making.make_on_base(work, base, adapter, {"adapter.gguf": f"sha256:{adapter.sha256}"})
        except OllamaRefused as error:
            if making.refused_adapters(error):  # a server whose version did not tell
                raise making.no_adapters(work.api.version()) from error
            raise
        return made

    def verify(self, api: OllamaApi, base: WantedBase, adapter: WantedAdapter, model: OllamaModel) -> str:
        """See `Strategy`."""
        return making.wrong_on_base(api, base, adapter)

    def remove(self, api: OllamaApi, model: OllamaModel) -> None:
        """See `Strategy`."""
        making.remove_model(api, model.tag)
