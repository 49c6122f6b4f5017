"""What a Modelfile can be about: a base, one of its adapters, a GGUF file, a checkpoint folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.errors import InvalidFile, UnknownName, UsageError
from locoman.names import AdapterRef, BaseRef
from locoman.ollama.base_modelfile import base_modelfile
from locoman.ollama.choose_template import choose_template
from locoman.ollama.modelfile.parse import printed, read_text
from locoman.ollama.modelfile.value import Modelfile
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, Registry
from locoman.weights.checkpoint import MAX_CONFIG_BYTES
from locoman.weights.files import read_json
from locoman.weights.gguf import MAGIC, GgufFile
from locoman.weights.gguf_values import GgufArray
from locoman.weights.tokenizer_files import read_chat_template
from locoman.workflows.collection import base_file, installed_base
from locoman.workflows.ollama_wanted import tag_in_ollama


@dataclass(frozen=True, slots=True)
class Draft:
    """A Modelfile to be shown or written. `family` "" for a template of one's own; `notes` say where it falls short."""

    modelfile: Modelfile
    title: str
    command: str
    family: str
    notes: tuple[str, ...] = ()

    @property
    def comments(self) -> tuple[str, ...]:
        """What stands at the head of the file."""
        given = "" if self.family else " --template FILE"
        lines = [self.title, f"Written by: {self.command}{given}"]
        if self.family:
            lines.append(f"Prompts: as its chat template writes them, which is the way called {self.family}")
        return tuple(printed(" ".join(line.split())) for line in (*lines, *self.notes))


def draft_of_base(home: Home, registry: Registry, spec: BaseSpec, adapter: str | None, template: Path | None) -> Draft:
    """The base as it is installed here, else as it could be had, with an installed adapter or a LoRA's GGUF file.

    Raises UnknownName, NoOllamaTemplate, InvalidFile, UsageError.
    """
    prompts = _prompts(spec.chat_template(), f"the base {spec.ref}", "", template)
    installed = registry.find_base(spec.ref.name)
    from_, notes = _from(home, spec, installed)
    title, path, system, command = spec.spec.title, None, "", f"locoman modelfile write {spec.ref}"
    if adapter is not None:
        title, command = f"{title}, with the adapter {adapter}", f"{command} --adapter {adapter}"
        path, system, more = _adapter(home, registry, spec, adapter)
        notes = (*notes, *more)
    modelfile = base_modelfile(spec, from_, prompts.template, prompts.stop, adapter=path, system=system)
    return Draft(modelfile, title, command, prompts.family, notes)


def draft_of_files(path: Path, template: Path | None) -> Draft:
    """A GGUF model or a checkpoint folder. Raises NoOllamaTemplate, InvalidFile, UsageError."""
    chat_template, eos, licence = _of_checkpoint(path) if path.is_dir() else _of_gguf(path)
    prompts = _prompts(chat_template, path.name, eos, template)
    modelfile = Modelfile.of(
        str(path.resolve()),
        template=prompts.template,
        parameters=[("stop", stop) for stop in prompts.stop],
        licences=[licence] if licence else [],
    )
    return Draft(modelfile, path.name, f"locoman modelfile write {path.name}", prompts.family)


def is_gguf(path: Path) -> bool:
    """Whether a file begins as a GGUF does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class _Prompts:
    """A Go template, what ends its answers, and its family ("" for one of somebody's own)."""

    template: str
    stop: tuple[str, ...] = ()
    family: str = ""


def _prompts(chat_template: str, what: str, eos: str, template: Path | None) -> _Prompts:
    """By the chat template, or the one in the file `template`."""
    if template is None:
        family = choose_template(chat_template, what=what, eos=eos)
        return _Prompts(family.template, family.stop, family.name)
    text = read_text(template)
    if not text.strip():
        raise InvalidFile(template, "the template is empty")
    return _Prompts(text)


def _from(home: Home, spec: BaseSpec, installed: InstalledBase | None) -> tuple[str, tuple[str, ...]]:
    """What FROM says, and what must be done before it is there."""
    if installed is not None:
        kept = tag_in_ollama(installed, spec)
        return (str(kept), ()) if kept is not None else (str(base_file(home, installed).resolve()), ())
    if spec.spec.ollama is not None:
        return spec.spec.ollama.tag, ()
    file = f"{spec.ref}.gguf"
    return f"./{file}", (
        f"Make {file} first: locoman convert {spec.ref} --to {spec.spec.runtime.quantization} --out {file}",
    )


def _adapter(home: Home, registry: Registry, spec: BaseSpec, text: str) -> tuple[str | None, str, tuple[str, ...]]:
    """The GGUF, the system message, and what Ollama will not do."""
    path = Path(text)
    if path.is_file():
        if not is_gguf(path):
            raise InvalidFile(path, "no GGUF file; locoman convert makes one of a PEFT adapter")
        return str(path.resolve()), "", ()
    installed_base(registry, BaseRef(spec.ref.name))
    adapter = registry.find_adapter(spec.ref.name, AdapterRef.parse(text))
    prompt = read_package(home.root / adapter.package).manifest.prompt
    notes = (
        ("locoman gives the question twice to this adapter (RE2); Ollama gives it once.",)
        if prompt.repeat_question
        else ()
    )
    gguf = str((home.root / adapter.gguf).resolve()) if adapter.gguf else None
    return gguf, prompt.system, notes


def _of_gguf(path: Path) -> tuple[str, str, str]:
    """Chat template, token at the end of a text, licence."""
    with GgufFile.open(path) as file:
        if file.text("general.type", "model") != "model":
            raise UsageError(f"{path} is no model: its kind is {file.text('general.type')[:40]!r}.")
        number, tokens = file.metadata.get("tokenizer.ggml.eos_token_id"), file.metadata.get("tokenizer.ggml.tokens")
        eos = ""
        if isinstance(number, int) and isinstance(tokens, GgufArray) and 0 <= number < len(tokens):
            eos = next((t for n, t in enumerate(tokens.byte_strings()) if n == number), b"").decode("utf-8", "replace")
        return file.text("tokenizer.chat_template", ""), eos, file.text("general.license", "")


def _of_checkpoint(folder: Path) -> tuple[str, str, str]:
    if not (folder / "config.json").is_file():
        raise InvalidFile(folder / "config.json", "the file is missing, so this folder is no checkpoint")
    path = folder / "tokenizer_config.json"
    settings = read_json(path, dict[str, object], MAX_CONFIG_BYTES) if path.exists() else {}
    entry = settings.get("eos_token")
    eos = entry.get("content") if isinstance(entry, dict) else entry
    return read_chat_template(folder, settings) or "", eos if isinstance(eos, str) else "", ""


def find_draft(
    home: Home, shelf: Shelf, registry: Registry, text: str, adapter: str | None, template: Path | None
) -> Draft:
    """The draft for what `text` means: a path, or the name of a base.

    Raises UnknownName, InvalidName, NoOllamaTemplate, InvalidFile, UsageError.
    """
    path = Path(text)
    if path.exists() and (path.is_dir() or is_gguf(path)):
        if adapter is not None:
            raise UsageError("--adapter goes with a base's name; of a file, give the merged model (locoman merge).")
        return draft_of_files(path, template)
    if "/" in text or "\\" in text or text.endswith(".gguf"):
        raise InvalidFile(path, "no GGUF file" if path.is_file() else "there is no such file or folder")
    return draft_of_base(home, registry, shelf.spec(BaseRef.parse(text)), adapter, template)


def find_adapter_draft(home: Home, shelf: Shelf, registry: Registry, text: str) -> Draft | None:
    """The draft for the installed adapter of that name on the base in use; None when there is none."""
    base = registry.find_base(registry.base)
    if base is None:
        return None
    try:
        registry.find_adapter(base.name, AdapterRef.parse(text))
    except (UnknownName, UsageError):
        return None
    return draft_of_base(home, registry, shelf.spec(BaseRef(base.name)), text, None)
