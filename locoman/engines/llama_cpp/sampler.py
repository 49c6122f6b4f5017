"""How the next token is drawn: llama.cpp's samplers, as its server chains them."""

from __future__ import annotations

from typing import Any

from locoman.contracts import Sampling

_PENALIZED = 64
"""How many of the last tokens the repeat penalty looks at, as in llama.cpp's server."""


class Sampler:
    """A chain of llama.cpp's samplers in its server's order; without settings, with its server's defaults."""

    def __init__(self, c: Any, sampling: Sampling, vocabulary: int) -> None:
        self._c = c
        self.chain = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
        penalties = (
            _or(sampling.repeat_penalty, 1.0),
            _or(sampling.frequency_penalty, 0.0),
            _or(sampling.presence_penalty, 0.0),
        )
        if penalties != (1.0, 0.0, 0.0):
            self._add(_penalties(c, vocabulary, penalties))
        temperature = _or(sampling.temperature, 0.8)
        if temperature <= 0:
            self._add(c.llama_sampler_init_greedy())
            return
        self._add(c.llama_sampler_init_top_k(int(_or(sampling.top_k, 40))))
        self._add(c.llama_sampler_init_top_p(_or(sampling.top_p, 0.95), 1))
        self._add(c.llama_sampler_init_min_p(_or(sampling.min_p, 0.05), 1))
        self._add(c.llama_sampler_init_temp(temperature))
        seed = c.LLAMA_DEFAULT_SEED if sampling.seed is None else sampling.seed & 0xFFFFFFFF
        self._add(c.llama_sampler_init_dist(seed))

    def _add(self, sampler: Any) -> None:
        self._c.llama_sampler_chain_add(self.chain, sampler)

    def close(self) -> None:
        """Gives the memory back."""
        self._c.llama_sampler_free(self.chain)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _penalties(c: Any, vocabulary: int, penalties: tuple[float, float, float]) -> Any:
    """Older releases of llama-cpp-python do not ask for the size of the vocabulary."""
    arguments = (_PENALIZED, *penalties)
    takes_size = len(c.llama_sampler_init_penalties.argtypes) == 1 + len(arguments)
    return c.llama_sampler_init_penalties(*([vocabulary] if takes_size else []), *arguments)
