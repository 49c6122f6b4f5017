"""A base and its LoRAs in the memory of this process, through llama.cpp's C functions.

One context for all: each owner (an adapter with its scale, or the plain base) has a sequence of its own in the KV cache,
so that what was computed under some weights is never continued under others. Switching adapters is one call
(llama_set_adapters_lora). Not safe to be used by two threads at once.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locoman.contracts import Sampling
from locoman.engines.llama_cpp.sampler import Sampler
from locoman.errors import ContextExceeded, EngineLost, EngineUnavailable, ExtraMissing
from locoman.weights.gguf_model import GgufModel
from locoman.weights.lora_gguf import open_lora_gguf

Owner = tuple[str | None, float]
"""An adapter's name (None = the plain base) and its scale."""
_BATCH = 512
_MAX_SEQUENCES = 64


@dataclass(slots=True)
class _Sequence:
    """A sequence of the KV cache: its number and the tokens in it."""

    number: int
    tokens: list[int] = field(default_factory=list)


class Runtime:
    """Raises ExtraMissing, EngineUnavailable, and for an adapter what `check_adapter` raises.

    Args:
        base: the model's GGUF. loras: the adapters' by name. context: tokens of KV, shared by all. threads: of the CPU.
    """

    def __init__(self, base: Path, loras: Mapping[str, Path], context: int, threads: int) -> None:
        self._c = _library()
        self._words: list[str] = []
        self._log = self._c.llama_log_callback(self._keep)
        self._c.llama_log_set(self._log, ctypes.c_void_p(0))
        for path in loras.values():
            check_adapter(path, base)
        parameters = self._c.llama_model_default_params()
        parameters.use_extra_bufts = False  # with the AMX buffers, decoding a Q4_K_M model crashes
        self._model = self._c.llama_model_load_from_file(str(base).encode(), parameters)
        if not self._model:
            raise EngineUnavailable(f"llama.cpp could not load {base}: {self._why()}.")
        self._adapters = {name: self._load(path) for name, path in loras.items()}
        self._vocabulary = self._c.llama_model_get_vocab(self._model)
        self._size = int(self._c.llama_vocab_n_tokens(self._vocabulary))
        self.context = context
        self._context = self._new_context(context, threads)
        self._memory = self._c.llama_get_memory(self._context)
        self._batch = self._c.llama_batch_init(_BATCH, 0, 1)
        self._sequences: dict[Owner, _Sequence] = {}
        self._active: Owner = (None, 0.0)

    def close(self) -> None:
        """Gives the memory back; the adapters go with the model."""
        self._c.llama_batch_free(self._batch)
        self._c.llama_free(self._context)
        self._c.llama_model_free(self._model)

    # --- text and tokens ---

    @property
    def begin(self) -> str:
        """The token that begins a text, "" if there is none."""
        return self._special(self._c.llama_vocab_bos(self._vocabulary))

    @property
    def end(self) -> str:
        """The token that ends a text, "" if there is none."""
        return self._special(self._c.llama_vocab_eos(self._vocabulary))

    def tokens(self, text: str, *, prompt: bool) -> list[int]:
        """The tokens of a text; in a prompt, special tokens stand for themselves and the first is there if there is one."""
        data = text.encode("utf-8", "replace")
        first = prompt and bool(self._c.llama_vocab_get_add_bos(self._vocabulary)) and not text.startswith(self.begin)
        room = (ctypes.c_int32 * (len(data) + 2))()
        count = self._c.llama_tokenize(self._vocabulary, data, len(data), room, len(room), first, prompt)
        return list(room[:count])

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for."""
        room = ctypes.create_string_buffer(256)
        count = self._c.llama_token_to_piece(self._vocabulary, token, room, len(room), 0, True)
        if count < 0:
            room = ctypes.create_string_buffer(-count)
            count = self._c.llama_token_to_piece(self._vocabulary, token, room, len(room), 0, True)
        return room.raw[:count]

    def ends(self, token: int) -> bool:
        """Whether the model says with this token that its answer is complete."""
        return bool(self._c.llama_vocab_is_eog(self._vocabulary, token))

    # --- computing ---

    def evaluate(self, owner: Owner, tokens: Sequence[int]) -> int:
        """Makes ready what the model says after `tokens`; returns how many of them needed no evaluation.

        Raises ContextExceeded, EngineLost.
        """
        if len(tokens) > self.context:
            raise ContextExceeded(len(tokens), self.context)
        sequence = self._sequence(owner)
        known = min(_common(sequence.tokens, tokens), len(tokens) - 1)
        if known < len(sequence.tokens):
            self._forget(sequence, known)
        self._make_room(sequence, len(tokens))
        self._activate(owner)
        for start in range(known, len(tokens), _BATCH):
            self._decode(sequence, tokens[start : start + _BATCH])
        return known

    def forget(self, owner: Owner) -> None:
        """Makes the owner's next `evaluate` begin at the beginning."""
        self._forget(self._sequence(owner), 0)

    def log_probabilities(self, place: int = -1) -> NDArray[np.float64]:
        """Of every token as the next one, natural logarithms, after the last `evaluate`."""
        pointer = self._c.llama_get_logits_ith(self._context, place)
        logits = np.ctypeslib.as_array(pointer, shape=(self._size,)).astype(np.float64)
        logits -= logits.max()
        result: NDArray[np.float64] = logits - np.log(np.exp(logits).sum())
        return result

    def log_likelihood(self, owner: Owner, context: Sequence[int], continuation: Sequence[int]) -> float:
        """The sum of the log-probabilities of `continuation`'s tokens after `context`.

        Both have at least one token. Raises ContextExceeded, EngineLost.
        """
        if len(context) + len(continuation) > self.context:
            raise ContextExceeded(len(context) + len(continuation), self.context)
        self.evaluate(owner, context)
        rows = [self.log_probabilities()]
        sequence = self._sequences[owner]
        self._make_room(sequence, len(context) + len(continuation))
        for start in range(0, len(continuation) - 1, _BATCH):
            part = continuation[start : min(start + _BATCH, len(continuation) - 1)]
            self._decode(sequence, part, every=True)
            rows += [self.log_probabilities(place) for place in range(len(part))]
        return sum(float(row[token]) for row, token in zip(rows, continuation, strict=True))

    def next_token(self, sampler: Sampler) -> int:
        """Draws the next token after the last `evaluate`."""
        return int(self._c.llama_sampler_sample(sampler.chain, self._context, -1))

    def sampler(self, sampling: Sampling) -> Sampler:
        """Draws as llama.cpp's server does; to be closed."""
        return Sampler(self._c, sampling, self._size)

    # --- inside ---

    def _sequence(self, owner: Owner) -> _Sequence:
        """The owner's sequence, moved to the end of the row of those that were used; the first in it gives way."""
        sequence = self._sequences.pop(owner, None)
        if sequence is None and len(self._sequences) >= _MAX_SEQUENCES:
            sequence = self._sequences.pop(next(iter(self._sequences)))
            self._forget(sequence, 0)
        if sequence is None:
            sequence = _Sequence(len(self._sequences))
        self._sequences[owner] = sequence
        return sequence

    def _make_room(self, sequence: _Sequence, needed: int) -> None:
        """Empties others, those first that were not used for longest, until `needed` tokens fit."""
        for other in list(self._sequences.values()):
            if needed + sum(len(s.tokens) for s in self._sequences.values() if s is not sequence) <= self.context:
                return
            if other is not sequence:
                self._forget(other, 0)

    def _forget(self, sequence: _Sequence, kept: int) -> None:
        if not self._c.llama_memory_seq_rm(self._memory, sequence.number, kept, -1):
            self._c.llama_memory_seq_rm(self._memory, sequence.number, 0, -1)  # a kind of memory that has no middle
            kept = 0
        del sequence.tokens[kept:]

    def _activate(self, owner: Owner) -> None:
        if owner == self._active:
            return
        name, scale = owner
        adapters = [self._adapters[name]] if name is not None else []
        pointers = (self._c.llama_adapter_lora_p_ctypes * len(adapters))(
            *(ctypes.cast(adapter, self._c.llama_adapter_lora_p_ctypes) for adapter in adapters)
        )
        scales = (ctypes.c_float * len(adapters))(*[scale] * len(adapters))
        if self._c.llama_set_adapters_lora(self._context, pointers, len(adapters), scales) != 0:
            raise EngineLost(f"llama.cpp could not switch to {name or 'the base'}: {self._why()}.")
        self._active = owner

    def _decode(self, sequence: _Sequence, tokens: Sequence[int], *, every: bool = False) -> None:
        """Adds tokens to a sequence; logits are kept of the last, or of every one."""
        batch = self._batch
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = len(sequence.tokens) + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence.number
            batch.logits[i] = every or i == len(tokens) - 1
        batch.n_tokens = len(tokens)
        if (status := self._c.llama_decode(self._context, batch)) != 0:
            self._forget(sequence, 0)
            raise EngineLost(f"llama.cpp could not evaluate the prompt (status {status}): {self._why()}.")
        sequence.tokens += tokens

    def _new_context(self, context: int, threads: int) -> Any:
        parameters = self._c.llama_context_default_params()
        parameters.n_ctx = context
        parameters.n_batch = parameters.n_ubatch = _BATCH
        parameters.n_seq_max = min(_MAX_SEQUENCES, 1 + len(self._adapters))
        parameters.kv_unified = True
        parameters.n_threads = parameters.n_threads_batch = threads
        made = self._c.llama_init_from_model(self._model, parameters)
        if not made:
            raise EngineUnavailable(f"llama.cpp could not make a context of {context:,} tokens: {self._why()}.")
        return made

    def _load(self, path: Path) -> Any:
        adapter = self._c.llama_adapter_lora_init(self._model, str(path).encode())
        if not adapter:  # using a null pointer crashes much later
            raise EngineUnavailable(f"llama.cpp could not load the adapter {path}: {self._why()}.")
        return adapter

    def _special(self, token: int) -> str:
        return self.piece(token).decode("utf-8", "replace") if token >= 0 else ""

    def _keep(self, level: int, text: bytes, _: object) -> None:
        """llama.cpp's log: warnings and errors (3 and 4) are kept for the sentences above, the last few of them."""
        if level in (3, 4):
            self._words = [*self._words[-9:], text.decode("utf-8", "replace").strip()]

    def _why(self) -> str:
        return self._words[-1].rstrip(".") if self._words else "it gave no reason"


def check_adapter(path: Path, base: Path) -> None:
    """Refuses what would end the process: another base's tensors, a LoRA on the embedding of a tied base.

    Raises WrongBase, Unsupported, InvalidFile, StoreError.
    """
    with GgufModel.open(base) as model, open_lora_gguf(path) as lora:
        shapes = {name: rows.shape for name, rows in model.tensors.items()}
        lora.check(base.stem, model.head.architecture, shapes)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    if other[: len(one)] == one:
        return len(one)
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _library() -> Any:
    try:
        from llama_cpp import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        raise ExtraMissing("llama-cpp-python", "llama-cpp", "The engine llama_cpp") from error
    return llama_cpp
