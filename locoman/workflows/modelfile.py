"""Shows, writes and checks Modelfiles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.shelf import Shelf
from locoman.errors import InvalidFile, LocomanError, OllamaRefused, OllamaUnavailable, UnknownName
from locoman.names import nearest
from locoman.ollama.api import OllamaApi
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.modelfile import Modelfile, parse_modelfile, read_modelfile, render_modelfile
from locoman.ollama.modelfile.check import Finding, check_modelfile
from locoman.ollama.modelfile.parse import printed, read_text
from locoman.ollama.tag import OllamaTag
from locoman.store.atomic import write_atomic
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows.model_files import check_target
from locoman.workflows.modelfile_subjects import Draft, find_adapter_draft, find_draft, is_gguf


@dataclass(frozen=True, slots=True)
class ShownModelfile:
    """A Modelfile: its `text`, where it comes from ("base", "adapter", "model", "file", "ollama"), its value.

    `modelfile` is None, and `problem` says why, for a text of Ollama's that cannot be read back.
    """

    source: str
    text: str
    modelfile: Modelfile | None
    family: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""


def show_modelfile(home: Home, shelf: Shelf, url: str, text: str) -> ShownModelfile:
    """The Modelfile of a file, of a base or an adapter as locoman would write it, or of a model in the Ollama at `url`.

    Raises UnknownName, InvalidName, InvalidFile, NoOllamaTemplate, OllamaUnavailable, OllamaRefused.
    """
    path, registry = Path(text), load_registry(home.registry)
    if path.is_file() and not is_gguf(path):
        modelfile = read_modelfile(path)
        return ShownModelfile("file", render_modelfile(modelfile), modelfile)
    if path.exists() or _is_path(text):
        return _shown("model", find_draft(home, shelf, registry, text, None, None))
    bases = [spec.ref.name for spec in shelf.specs()]
    if text in bases:
        return _shown("base", find_draft(home, shelf, registry, text, None, None))
    if (adapter := find_adapter_draft(home, shelf, registry, text)) is not None:
        return _shown("adapter", adapter)
    try:
        return _in_ollama(url, text)
    except (OllamaUnavailable, OllamaRefused) as error:
        if ":" in text or (isinstance(error, OllamaRefused) and error.status != 404):
            raise
        known = [*bases, *(adapter.name for adapter in registry.adapters)]
        raise UnknownName("base, adapter, file or model in Ollama", text, nearest(text, known)) from error


def plan_modelfile(
    home: Home, shelf: Shelf, text: str, *, adapter: str | None = None, template: Path | None = None
) -> ShownModelfile:
    """What would be written for the base, GGUF file or checkpoint `text`. Raises as `find_draft`, and Unwritable."""
    registry = load_registry(home.registry)
    draft = find_draft(home, shelf, registry, text, adapter, template)
    return _shown("adapter" if adapter else "base" if not Path(text).exists() else "model", draft)


def write_modelfile(planned: ShownModelfile, target: Path, *, force: bool) -> None:
    """Writes it whole or not at all. Raises UsageError (it is there already), StoreError."""
    data = planned.text.encode()
    check_target(target, len(data), force=force)
    write_atomic(target, data)


def check_file(path: Path, url: str | None) -> tuple[Finding, ...]:
    """What is wrong with the Modelfile at `path`, for the Ollama at `url` where one answers there.

    Raises InvalidFile (no such file, or too large), StoreError.
    """
    try:
        text = read_text(path)
    except InvalidFile as error:
        if error.line is None:
            raise
        return (Finding("problem", error.line, error.detail),)
    return check_modelfile(text, path, _capabilities(url) if url else None)


def _capabilities(url: str) -> Capabilities | None:
    try:
        with OllamaApi(url, read_seconds=3) as api:
            return api.capabilities()
    except LocomanError:
        return None


def _shown(source: str, draft: Draft) -> ShownModelfile:
    text = render_modelfile(draft.modelfile, draft.comments)
    return ShownModelfile(source, text, draft.modelfile, draft.family, draft.notes)


def _in_ollama(url: str, text: str) -> ShownModelfile:
    tag = str(OllamaTag.parse(text))
    with OllamaApi(url) as api:
        shown = api.show(tag)
    told = "\n".join(map(printed, shown.modelfile.split("\n")))  # a stranger's text is not to steer the terminal
    try:
        return ShownModelfile("ollama", told, parse_modelfile(shown.modelfile, tag))
    except InvalidFile as error:
        return ShownModelfile("ollama", told, None, problem=str(error))


def _is_path(text: str) -> bool:
    return text.startswith((".", "/", "~", "\\")) or text.endswith((".gguf", ".Modelfile"))
