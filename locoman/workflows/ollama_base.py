"""The base in Ollama beside what the registry says of it: still the same, moved, gone, or another model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from locoman.catalog.spec import BaseSpec
from locoman.errors import OllamaRefused, WrongBase
from locoman.ollama.base_file import BaseFile, Unreadable, locate_base
from locoman.ollama.wanted import WantedBase
from locoman.store.registry import InstalledBase, OllamaModel
from locoman.workflows.ollama_models import Holdings

BaseAction = Literal["keep", "pull", "pull anew", "adopt", "create", "create anew", "set aside", "none"]


@dataclass(frozen=True, slots=True)
class BaseStep:
    """What is to be done about the base.

    `problem` says what differs ("" nothing), `remedy` what a person must do where no sync can. `found` is the file to be used
    from now on. `bytes` are fetched (pull) or handed over (create).
    """

    action: BaseAction
    problem: str = ""
    remedy: str = ""
    found: BaseFile | None = None
    bytes: int = 0


def look_at_base(
    holdings: Holdings,
    base: InstalledBase,
    wanted: WantedBase,
    spec: BaseSpec,
    record: OllamaModel | None,
    *,
    needed: bool,
) -> BaseStep:
    """What to do about the base; `needed`: models are to stand on it, so that one of our own must be in Ollama.

    Raises OllamaUnavailable, OllamaRefused.
    """
    if wanted.own:
        return _own(holdings, wanted, record, needed)
    by_hand = _remedy(base) if base.tag else ""
    whole = wanted.gguf.is_file() and wanted.gguf.stat().st_size == base.bytes
    try:
        found = locate_base(holdings.api, str(wanted.tag))
    except OllamaRefused as error:
        if error.status != 404:
            raise
        gone = f"The base {wanted.tag} is no longer in Ollama."
        if by_hand:  # while a model that stands on it holds its file, the base is made of that again
            return BaseStep("create", gone) if whole else BaseStep("none", gone, by_hand)
        return BaseStep("pull", gone, bytes=spec.spec.runtime.download_bytes)
    if isinstance(found, Unreadable):
        if found.why == "damaged" and by_hand:
            return BaseStep("none", found.sentence, by_hand)
        if found.why == "damaged" and record is not None and record.strategy == "pulled":
            return BaseStep("pull anew", found.sentence, bytes=spec.spec.runtime.download_bytes)
        return BaseStep("keep") if whole else BaseStep("none", found.sentence, found.remedy)
    if found.sha256 == base.sha256 and found.path == Path(base.gguf):
        return BaseStep("keep")
    if found.sha256 == base.sha256:
        return BaseStep("adopt", f"Ollama keeps {wanted.tag} in another folder now.", found=found)
    try:
        check_same_model(found.path, base, spec)
    except WrongBase:
        problem = f"Under {wanted.tag} Ollama has another model now: the adapters of {base.name} do not fit it."
        return BaseStep("none", problem, f"ollama cp {wanted.tag} mine, ollama rm {wanted.tag}, then locoman sync")
    return BaseStep("adopt", f"The tag {wanted.tag} moved to another file of the same model.", found=found)


def _remedy(base: InstalledBase) -> str:
    """For a base that came out of a bundle into Ollama: no library has it under that name."""
    return f"locoman bundle install FILE --ollama   (or locoman install --base {base.name})"


def check_same_model(path: Path, base: InstalledBase, spec: BaseSpec) -> str:
    """The file's fingerprint, when it is that of the spec's model, or where the spec tells none of the installed one.

    Raises WrongBase, InvalidFile, Unsupported, StoreError.
    """
    from locoman.weights.fingerprint import Fingerprint, compare, fingerprint_of_gguf

    found = fingerprint_of_gguf(path)
    for known in (spec.spec.fingerprint, base.fingerprint):
        if known and not compare(Fingerprint.parse(known), found).same_model:
            raise WrongBase("the model in Ollama", base.name, "its weights are those of another model")
    return str(found)


def _own(holdings: Holdings, wanted: WantedBase, record: OllamaModel | None, needed: bool) -> BaseStep:
    if record is None and not needed:
        return BaseStep("none")
    finding = holdings.find_out(str(wanted.tag), record, wanted.recipe())
    if finding == "taken":
        problem = f"There is a model {wanted.tag} in Ollama already, and it is not locoman's."
        return BaseStep(
            "none", problem, f"ollama cp {wanted.tag} another-name, ollama rm {wanted.tag}, then locoman sync"
        )
    if finding == "fine" or not needed:
        return BaseStep("keep")
    problem = "" if finding == "new" else f"The base {wanted.tag} in Ollama {_WORDS[finding]}."
    action: BaseAction = "create anew" if finding == "damaged" else "set aside" if finding == "changed" else "create"
    return BaseStep(action, problem, bytes=wanted.bytes)


_WORDS = {
    "deleted": "was deleted",
    "changed": "was changed by somebody else",
    "unfinished": "was not finished",
    "outdated": "is made of another file",
    "lost": "has lost its file",
    "damaged": "is damaged: its file has another size than it had",
}
