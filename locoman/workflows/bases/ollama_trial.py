"""Whether Ollama makes a model of a base and answers with it: tried, then taken away again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from locoman.contracts import Message, Request, Sampling
from locoman.errors import (
    EngineError,
    LocomanError,
    MissingPrerequisite,
    NoOllamaTemplate,
    OllamaRefused,
    OllamaUnavailable,
)
from locoman.evaluation.selection.evidence import OllamaTrial
from locoman.names import ModelName
from locoman.ollama.api import NewModel, OllamaApi
from locoman.ollama.base_modelfile import base_parameters
from locoman.ollama.choose_template import choose_template
from locoman.ollama.modelfile.parameters import parameter_values
from locoman.progress import Stages
from locoman.workflows.bases.trial import Trial

PREFIX = "locoman-trial-"
QUESTION = "Say hello."
MAX_TOKENS = 32
_SILENCE_SECONDS = 300.0


def try_in_ollama(url: str, trial: Trial, stages: Stages) -> OllamaTrial:
    """Never raises for what Ollama does or lacks: that is the result. A model left by a killed trial goes first."""
    try:
        with OllamaApi(url) as api:
            return _tried(api, trial, stages)
    except (OllamaUnavailable, MissingPrerequisite) as error:
        return OllamaTrial(None, reason=str(error))


def _tried(api: OllamaApi, trial: Trial, stages: Stages) -> OllamaTrial:
    version = api.version()
    try:
        family = choose_template(trial.spec.chat_template(), what=f"the base {trial.spec.ref}")
    except NoOllamaTemplate as error:
        return OllamaTrial(False, version, str(error))
    tag = PREFIX + trial.spec.ref.name
    try:
        api.put_blob(trial.gguf, trial.base.sha256, stages("To Ollama"))
        model = NewModel(
            tag,
            files={"base.gguf": f"sha256:{trial.base.sha256}"},
            template=family.template,
            parameters=parameter_values(base_parameters(trial.spec, family.stop)),
        )
        with _model(api, model, stages):
            answer = _ask(api.url, tag)
    except (OllamaRefused, EngineError) as error:
        return OllamaTrial(False, version, str(error))
    return OllamaTrial(bool(answer.strip()), version, "" if answer.strip() else "it answered nothing", answer[:400])


@contextmanager
def _model(api: OllamaApi, model: NewModel, stages: Stages) -> Iterator[None]:
    _delete(api, model.tag)
    try:
        api.create(model, stages("A model in Ollama"))
        yield
    finally:
        _delete(api, model.tag)


def _delete(api: OllamaApi, tag: str) -> None:
    try:
        api.unload(tag)
        api.delete(tag)
    except LocomanError:  # it was not there, or Ollama went away: the next trial of this base tries again
        return


def _ask(url: str, tag: str) -> str:
    from locoman.engines.openai import OpenAIEngine

    with closing(OpenAIEngine(url, silence=_SILENCE_SECONDS)) as engine:
        request = Request((Message("user", QUESTION),), ModelName.parse(tag), Sampling(MAX_TOKENS, temperature=0.0))
        return "".join(chunk.text for chunk in engine.chat(request))
