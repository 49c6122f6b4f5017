"""Ways to bring adapters into Ollama, one per file, and the choice between them."""

from __future__ import annotations

from locoman.ollama.capabilities import Capabilities
from locoman.ollama.strategies.hotswap import HotswapStrategy
from locoman.ollama.strategies.merged import MergedStrategy
from locoman.ollama.strategies.native import NativeStrategy
from locoman.ollama.strategies.split import SplitStrategy
from locoman.ollama.strategies.strategy import Strategy
from locoman.store.registry import StrategyName

STRATEGIES: dict[StrategyName, Strategy] = {
    "native": NativeStrategy(),
    "merged": MergedStrategy(),
    "split": SplitStrategy(),
    "hotswap": HotswapStrategy(),
}


def choose_strategy(able: Capabilities) -> Strategy:
    """What `auto` means on this server: models in Ollama where they cost no more than the adapters themselves, else the host.

    Merged and split models cost whole gigabytes, so they are made only when somebody asks for them by name.
    """
    return STRATEGIES["native" if able.adapters_at_create else "hotswap"]
