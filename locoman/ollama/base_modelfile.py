"""The Modelfile of a base: what of its spec Ollama can be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from locoman.catalog.spec import BaseSpec
from locoman.ollama.modelfile.value import Modelfile


def base_modelfile(
    spec: BaseSpec, from_: str, template: str, stop: Sequence[str] = (), *, adapter: str | None = None, system: str = ""
) -> Modelfile:
    """A model from the base at `from_` (a tag or a path), with the GGUF `adapter` and its system message, if any.

    `template` is a Go template, best that of the family which `choose_template` finds, `stop` what ends its answers beside
    what the spec says. Sampling and context are those with which locoman itself runs the base.
    """
    return Modelfile.of(
        from_,
        adapters=[adapter] if adapter else [],
        template=template,
        system=system or None,
        parameters=base_parameters(spec, stop),
        licences=[spec.spec.licence],
    )


def base_parameters(spec: BaseSpec, stop: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """The PARAMETERs of a base: (name, value)."""
    return tuple(_parameters(spec, stop))


def _parameters(spec: BaseSpec, stop: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in dict.fromkeys((*spec.spec.template.stop, *stop)):
        yield "stop", text
    defaults = spec.spec.parameters
    yield "temperature", f"{defaults.temperature:g}"
    yield "top_p", f"{defaults.top_p:g}"
    yield "top_k", str(defaults.top_k)
    yield "num_predict", str(defaults.max_tokens)
    yield "num_ctx", str(spec.spec.runtime.context)
