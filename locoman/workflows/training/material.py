"""What an adapter is trained from: the base's checkpoint, and the package's examples as they will be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.hub_checkpoint import HubCheckpoint, find_hub_checkpoint
from locoman.catalog.manifest import AdapterPackage, Case
from locoman.catalog.spec import BaseSpec
from locoman.contracts import Message, ServedAdapter
from locoman.documents import read_numbered
from locoman.engines.host.prompting import prompted
from locoman.errors import InvalidFile, MissingPrerequisite, UsageError, WrongBase
from locoman.store.registry import InstalledBase
from locoman.training.rendering import Example


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The base's Hugging Face checkpoint: a folder on this machine, or files that the hub has."""

    folder: Path | None
    hub: HubCheckpoint | None = None

    @property
    def download_bytes(self) -> int:
        """To be fetched at most."""
        return self.hub.bytes if self.hub is not None else 0


def find_checkpoint(spec: BaseSpec, base: InstalledBase, chosen: Path | None) -> Checkpoint:
    """The folder `chosen`, else the one beside the spec, else the repository that the spec names.

    Raises UsageError (no such folder), MissingPrerequisite (neither is here, nor can the hub be asked), WrongBase,
    InvalidFile, Unsupported.
    """
    folder = chosen if chosen is not None else spec.checkpoint
    if folder is not None and folder.is_dir():
        check_identity(folder, base)
        return Checkpoint(folder)
    if chosen is not None:
        raise UsageError(f"There is no folder {chosen} with a checkpoint.")
    if not spec.spec.source.repository:
        raise MissingPrerequisite(
            f"The checkpoint of {base.name} is not here; a GGUF alone cannot be trained on.",
            "locoman adapter train ... --checkpoint FOLDER   (config.json, tokenizer.json, *.safetensors)",
        )
    try:
        return Checkpoint(None, find_hub_checkpoint(spec.spec.source.repository, spec.spec.source.revision or "main"))
    except MissingPrerequisite as error:
        raise MissingPrerequisite(
            f"The checkpoint of {base.name} is needed, because its GGUF cannot be trained on, and it is not here: {error}",
            f"{error.remedy + ', or ' if error.remedy else ''}locoman adapter train ... --checkpoint FOLDER   (with what "
            f"https://huggingface.co/{spec.spec.source.repository} has)",
        ) from error


def check_identity(folder: Path, base: InstalledBase) -> None:
    """Returns when the checkpoint is the model that is installed as `base`. Raises WrongBase, InvalidFile, Unsupported."""
    from locoman.weights.fingerprint import Fingerprint, compare, fingerprint_of_checkpoint

    if not compare(fingerprint_of_checkpoint(folder), Fingerprint.parse(base.fingerprint)).same_model:
        raise WrongBase(
            f"trained on {folder}", base.name, "the checkpoint has other weights, dimensions or another tokenizer"
        )


def read_examples(package: AdapterPackage) -> tuple[Example, ...]:
    """train.jsonl, each question as the host will put it: with the package's system message, and twice if it says so.

    Raises InvalidFile with the line: no answer, no question, nothing at all.
    """
    path = package.folder / "train.jsonl"
    prompt = package.manifest.prompt
    settings = ServedAdapter(package.manifest.name, "", None, 1.0, prompt.system, prompt.repeat_question)
    examples = []
    for line, case in read_numbered(path, Case):
        if not case.answer.strip():
            raise InvalidFile(path, "there is no answer to learn", line=line)
        if not case.question.strip():
            raise InvalidFile(path, "the question is empty", line=line)
        examples.append(Example(prompted((Message("user", case.question),), settings), case.answer))
    if not examples:
        raise InvalidFile(path, "there is no example in it")
    return tuple(examples)
