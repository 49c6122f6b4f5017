"""A model in Ollama that was made with an ADAPTER, or with a SYSTEM alone; Ollama's own files are read and stay as they are."""

from __future__ import annotations

from locoman.errors import LocomanError, MissingPrerequisite, OllamaRefused, UnknownName, UsageError
from locoman.names import check_name, nearest
from locoman.ollama.api import OllamaApi
from locoman.ollama.base_file import BaseFile, Unreadable, locate_adapter, locate_base
from locoman.ollama.tag import OllamaTag
from locoman.progress import Progress
from locoman.workflows.importing.draft import BaseClue, Draft
from locoman.workflows.importing.modelfile import MAX_SYSTEM, licence_of

PREFIX = "ollama:"


def read_ollama_model(url: str, where: str, progress: Progress) -> Draft:
    """The model that `where` ("ollama:TAG") names. Reads all of its adapter, to compare it with its sha256.

    Raises OllamaUnavailable, UnknownName, UsageError (there is nothing to take from it), MissingPrerequisite (Ollama's
    files cannot be read from here).
    """
    tag = str(OllamaTag.parse(where.removeprefix(PREFIX)))
    with OllamaApi(url) as api:
        try:
            shown = api.show(tag)
            adapter = locate_adapter(api, tag, progress)
            base = locate_base(api, tag)
        except OllamaRefused as error:
            if error.status != 404:
                raise
            raise UnknownName("model in Ollama", tag, nearest(tag, [model.name for model in api.tags()])) from error
    if isinstance(adapter, Unreadable):
        raise MissingPrerequisite(adapter.sentence, adapter.remedy)
    system = shown.system.strip()
    if adapter is None and not system:
        raise UsageError(f"{tag} has neither an adapter nor a system message, so there is nothing to take from it.")
    weights = adapter.path if adapter is not None else None
    return Draft(
        "a model in Ollama", where, BaseClue(tag, base.path if isinstance(base, BaseFile) else None), weights,
        name=_usable(tag), system=system[:MAX_SYSTEM], licence=licence_of((shown.license,)),
        notes=("its template and parameters are not taken over: the base's spec has its own",),
    )  # fmt: skip


def _usable(tag: str) -> str:
    try:
        return check_name(OllamaTag.parse(tag).model.lower(), "an adapter")
    except LocomanError:
        return ""
