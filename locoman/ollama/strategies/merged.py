"""Base and adapter merged into one whole GGUF: every version of Ollama. Costs a whole base for each adapter."""

from __future__ import annotations

from collections.abc import Sequence

from locoman.ollama.api import OllamaApi
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.strategies import making
from locoman.ollama.strategies.strategy import Made, Work
from locoman.ollama.wanted import PlannedFile, WantedAdapter, WantedBase
from locoman.store.registry import OllamaModel, StrategyName
from locoman.weights.model_plan import write_model


class MergedStrategy:
    """See `Strategy`. A prompt-only adapter stands on the base's own blob and costs nothing."""

    name: StrategyName = "merged"

    def unable(self, able: Capabilities) -> str:
        """See `Strategy`."""
        return ""

    def plan(self, base: WantedBase, adapter: WantedAdapter, records: Sequence[OllamaModel]) -> tuple[PlannedFile, ...]:
        """See `Strategy`."""
        if adapter.gguf is None:
            return ()
        with making.merged(base, adapter) as plan:
            return (PlannedFile(f"{adapter.tag} merged", plan.file_bytes),)

    def apply(self, work: Work, base: WantedBase, adapter: WantedAdapter) -> Made:
        """See `Strategy`."""
        if adapter.gguf is None:
            making.make_on_base(work, base, adapter, {})
            return Made()
        path = work.folder / f"{adapter.ref.name}.gguf"
        try:
            with making.merged(base, adapter) as plan:
                write_model(plan, path, work.stages(f"{adapter.ref}: merged"))
            made = making.hand_over(work, str(adapter.ref), path)
        finally:
            path.unlink(missing_ok=True)
        making.make_whole(work, base, adapter, {path.name: f"sha256:{made.files[0].sha256}"})
        return made

    def verify(self, api: OllamaApi, base: WantedBase, adapter: WantedAdapter, model: OllamaModel) -> str:
        """See `Strategy`."""
        return making.wrong_whole(api, base, adapter, model)

    def remove(self, api: OllamaApi, model: OllamaModel) -> None:
        """See `Strategy`."""
        making.remove_model(api, model.tag)
