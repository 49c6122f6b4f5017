"""The Modelfile of a base: what of its spec Ollama can be told."""

from __future__ import annotations

from collections.abc import Iterator

from locoman.catalog.spec import BaseSpec
from locoman.ollama.modelfile.value import Modelfile
from locoman.ollama.template_family import TemplateFamily


def base_modelfile(
    spec: BaseSpec, from_: str, family: TemplateFamily, *, adapter: str | None = None, system: str = ""
) -> Modelfile:
    """A model from the base at `from_` (a tag or a path), with the GGUF `adapter` and its system message, if any.

    Prompts, stops, sampling and context are those with which locoman itself runs the base.
    """
    return Modelfile.of(
        from_,
        adapters=[adapter] if adapter else [],
        template=family.template,
        system=system or None,
        parameters=base_parameters(spec, family),
        licences=[spec.spec.licence],
    )


def base_parameters(spec: BaseSpec, family: TemplateFamily) -> tuple[tuple[str, str], ...]:
    """The PARAMETERs of a base: (name, value)."""
    return tuple(_parameters(spec, family))


def _parameters(spec: BaseSpec, family: TemplateFamily) -> Iterator[tuple[str, str]]:
    for stop in dict.fromkeys((*spec.spec.template.stop, *family.stop)):
        yield "stop", stop
    defaults = spec.spec.parameters
    yield "temperature", f"{defaults.temperature:g}"
    yield "top_p", f"{defaults.top_p:g}"
    yield "top_k", str(defaults.top_k)
    yield "num_predict", str(defaults.max_tokens)
    yield "num_ctx", str(spec.spec.runtime.context)
