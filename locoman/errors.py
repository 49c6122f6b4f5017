"""Every error locoman raises on purpose, in one tree.

An exception carries facts in its fields and says one clear sentence as its text; what to type next and the exit code are
decided in one table, `locoman.cli.errors`.

    LocomanError                      exit 1  something failed
    ├── UsageError                    exit 2  what was typed or sent cannot be used
    │   ├── UnknownName                       no such adapter, base, setting ...; carries the nearest names
    │   ├── InvalidName                       a name that cannot be a name
    │   ├── InvalidOption                     an option of a scorer with a value that it cannot have
    │   ├── Unwritable                        a value that no Modelfile can say
    │   ├── Incomplete                        what was given does not tell all; carries the options that would
    │   └── WrongPhase                        a step of a change of base whose turn it is not
    ├── CheckFailed                   exit 3  a gate, a verdict or a self-check fell short
    │   └── WrongBase                         an adapter that was made for another base
    ├── MissingPrerequisite           exit 4  something needed is not here; carries what would help
    │   ├── NothingInstalled                  no base is installed yet
    │   ├── ExtraMissing                      an optional Python package
    │   ├── OllamaUnavailable                 no Ollama server answers
    │   ├── NotEnoughDisk                     less space than the plan needs
    │   ├── NotEnoughMemory                   less memory than the base needs
    │   ├── NoSource                          no place to fetch from could be reached
    │   └── NoOllamaTemplate                  no Go template is known that writes a base's prompts
    ├── InvalidFile                   exit 1  a file that cannot be what it should be; path, line, column
    │   ├── UnknownKey                        a key nobody reads; carries the nearest known one
    │   ├── UnusableEncoder                   the router's encoder is damaged, or what runs it is missing
    │   ├── BadDelivery                       what came from elsewhere (an index, a package, a bundle) is damaged or lies
    │   └── Unsupported                       well formed, but something this version refuses by name
    ├── ScorerFailed                  exit 1  how right an answer is could not be told
    ├── Diverged                      exit 1  a training's loss is no number any more
    ├── DownloadFailed                exit 1  a transfer broke off or does not match its digest
    ├── StoreError                    exit 1  LOCOMAN_HOME could not be read or written
    │   ├── StoreBusy                         another locoman is changing it
    │   └── StoreReadOnly                     it cannot be written
    ├── OllamaRefused                 exit 1  Ollama answered with an error
    └── EngineError                   exit 1  the engine could not answer
        ├── EngineUnavailable                 it could not be started or reached
        ├── EngineLost                        it went away in the middle of an answer
        │   └── EngineSilent                      or gave no sign of life for too long
        └── RequestRefused                    it answered, and said no (status, message)
            ├── ContextExceeded               the conversation is longer than the context; tokens, limit
            └── EngineBusy                    too many requests are waiting; seconds until a retry makes sense
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from locoman.sizes import megabytes

MORE_ROOM = "free some space, or set LOCOMAN_HOME to a folder on another disk"


class LocomanError(Exception):
    """Base of all errors raised on purpose."""


class UsageError(LocomanError):
    """What was typed or sent cannot be used; `remedy` is what to type next ("": the help of the command)."""

    def __init__(self, sentence: str, remedy: str = "") -> None:
        self.remedy = remedy
        super().__init__(sentence)


class UnknownName(UsageError):
    """There is no such thing.

    Args:
        kind: what was looked for, e.g. "adapter".
        name: what was asked for.
        nearest: known names that look like it, best first.
    """

    def __init__(self, kind: str, name: str, nearest: Sequence[str] = ()) -> None:
        self.kind = kind
        self.name = name
        self.nearest = tuple(nearest)
        hint = f" Did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        super().__init__(f"There is no {kind} called {name!r}.{hint}")


class InvalidName(UsageError):
    """A text that cannot be a name; `reason` says why."""

    def __init__(self, kind: str, text: str, reason: str) -> None:
        self.kind = kind
        self.text = text
        self.reason = reason
        super().__init__(f"{text[:80]!r} cannot be the name of {kind}: {reason}.")


class InvalidOption(UsageError):
    """An option of a scorer with a value that it cannot have; `option` is "" where it is about several."""

    def __init__(self, scorer: str, option: str, detail: str) -> None:
        self.scorer = scorer
        self.option = option
        self.detail = detail
        super().__init__(f"The scorer {scorer}{f', option {option}' if option else ''}: {detail}.")


class Unwritable(UsageError):
    """A value that a Modelfile cannot hold; `what` is its instruction."""

    def __init__(self, what: str, reason: str) -> None:
        self.what = what
        self.reason = reason
        super().__init__(f"{what} cannot be written into a Modelfile: {reason}.")


class Incomplete(UsageError):
    """Something that was given does not tell all that is needed.

    Args:
        what: what it is, e.g. "a bare LoRA GGUF".
        where: what was typed.
        missing: each option that would tell it, e.g. "--name NAME", and what that is.
        command: to which that option belongs.
    """

    def __init__(
        self, what: str, where: str, missing: Sequence[tuple[str, str]], command: str = "locoman adapter add"
    ) -> None:
        self.command = command
        self.what = what
        self.where = where
        self.missing = tuple(missing)
        lacking = " and ".join(meaning for _, meaning in self.missing)
        super().__init__(f"{where} is {what}, which does not tell {lacking}.")


class WrongPhase(UsageError):
    """A step of a change of base whose turn it is not.

    Args:
        step: what was asked for.
        phase: how far the change is, "" when none goes on.
        remedy: the command whose turn it is.
    """

    def __init__(self, step: str, phase: str, remedy: str) -> None:
        self.step = step
        self.phase = phase
        now = f"This change of base is {phase}" if phase else "No change of base is going on"
        super().__init__(f"{now}, so there is nothing to {step}.", remedy)


class CheckFailed(LocomanError):
    """A gate, a verdict or a self-check fell short."""


class WrongBase(CheckFailed):
    """An adapter that was made for another base than the one it was offered to."""

    def __init__(self, adapter: str, base: str, detail: str) -> None:
        self.adapter = adapter
        self.base = base
        self.detail = detail
        super().__init__(f"The adapter {adapter} does not belong to the base {base}: {detail}.")


class MissingPrerequisite(LocomanError):
    """Something needed is not here; `remedy` is what to type or do next ("" when nothing is known)."""

    def __init__(self, sentence: str, remedy: str = "") -> None:
        self.remedy = remedy
        super().__init__(sentence)


class NothingInstalled(MissingPrerequisite):
    """No base is installed in this LOCOMAN_HOME."""

    def __init__(self) -> None:
        super().__init__("No base model is installed yet.", "locoman install")


class ExtraMissing(MissingPrerequisite):
    """An optional Python package is needed; `extra` is the extra of locoman that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"{purpose} needs the Python package {package}, which is not installed.",
            f'pip install "locoman[{extra}]"',
        )


class OllamaUnavailable(MissingPrerequisite):
    """No Ollama server answers at `url`."""

    def __init__(self, url: str, detail: str) -> None:
        self.url = url
        self.detail = detail
        super().__init__(f"Ollama does not answer at {url}: {detail}.", "ollama serve")


class NotEnoughDisk(MissingPrerequisite):
    """Less free disk space than needed (both in bytes)."""

    def __init__(self, needed: int, free: int, where: Path) -> None:
        self.needed = needed
        self.free = free
        self.where = where
        sentence = f"This needs {megabytes(needed)} of disk space in {where}, and {megabytes(free)} are free."
        super().__init__(sentence, MORE_ROOM)


class NotEnoughMemory(MissingPrerequisite):
    """Less memory than the base needs (both in bytes)."""

    def __init__(self, base: str, needed: int, total: int) -> None:
        self.base = base
        self.needed = needed
        self.total = total
        super().__init__(
            f"The base {base} needs {megabytes(needed)} of memory, and this machine has {megabytes(total)}.",
            "locoman base list",
        )


class NoSource(MissingPrerequisite):
    """Nothing could be fetched; `tried` pairs each source with what went wrong there."""

    def __init__(self, what: str, tried: Sequence[tuple[str, str]], remedy: str = "") -> None:
        self.what = what
        self.tried = tuple(tried)
        listing = "; ".join(f"{source}: {problem}" for source, problem in self.tried) or "none is known"
        super().__init__(f"{what} could not be fetched from any source ({listing}).", remedy)


class NoOllamaTemplate(MissingPrerequisite):
    """No Go template is known that writes the prompts of the chat template of `what`; `detail` says what was tried."""

    def __init__(self, what: str, detail: str) -> None:
        self.what = what
        self.detail = detail
        super().__init__(
            f"No template for Ollama is known that writes the prompts of {what}: {detail}.",
            "locoman modelfile write ... --template FILE   (a Go template of your own)",
        )


class InvalidFile(LocomanError):
    """A file that cannot be what it should be. `line` and `column` count from 1."""

    def __init__(self, path: Path | str, detail: str, *, line: int | None = None, column: int | None = None) -> None:
        self.path = Path(path)
        self.detail = detail
        self.line = line
        self.column = column
        place = f"{path}"
        if line is not None:
            place += f", line {line}"
        if column is not None:
            place += f", column {column}"
        super().__init__(f"{place}: {detail}.")


class UnknownKey(InvalidFile):
    """A key that nobody reads; `nearest` is the known key that looks most like it, if any."""

    def __init__(self, path: Path | str, key: str, nearest: str | None, *, line: int | None = None) -> None:
        self.key = key
        self.nearest = nearest
        hint = f", did you mean {nearest!r}?" if nearest else ""
        super().__init__(path, f"unknown key {key!r}{hint}".rstrip("?") + ("?" if nearest else ""), line=line)


class UnusableEncoder(InvalidFile):
    """The router's encoder is not what it was when it came, or ONNX Runtime, which runs it, is missing."""


class BadDelivery(InvalidFile):
    """An index, a packed package or a bundle that is damaged, cut short or not what it says it is."""


class Unsupported(InvalidFile):
    """A well-formed file that asks for something this version refuses by name."""


class ScorerFailed(LocomanError):
    """A scorer could not tell how right an answer is; that says nothing about the answer."""


class Diverged(LocomanError):
    """A training whose loss is no finite number any more, seen at `step`."""

    def __init__(self, step: int) -> None:
        self.step = step
        super().__init__(f"The training diverged: after step {step} its loss is no number any more.")


class DownloadFailed(LocomanError):
    """A transfer broke off or does not match its digest; what arrived is kept for the next try where it is good."""

    def __init__(self, what: str, detail: str) -> None:
        self.what = what
        self.detail = detail
        super().__init__(f"The download of {what} failed: {detail}.")


class StoreError(LocomanError):
    """LOCOMAN_HOME could not be read or written."""

    def __init__(self, path: Path, detail: str) -> None:
        self.path = path
        self.detail = detail
        super().__init__(f"{path}: {detail}.")


class StoreBusy(StoreError):
    """Another locoman is changing this LOCOMAN_HOME."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "another locoman is changing this folder")


class StoreReadOnly(StoreError):
    """LOCOMAN_HOME cannot be written."""


class OllamaRefused(LocomanError):
    """Ollama answered a request with an error (`status` as in HTTP; 200 for one that came inside a stream)."""

    def __init__(self, operation: str, status: int, message: str) -> None:
        self.operation = operation
        self.status = status
        self.message = message
        super().__init__(f"Ollama refused to {operation}: {message or f'HTTP status {status}'}.")


class EngineError(LocomanError):
    """The engine could not answer."""


class EngineUnavailable(EngineError):
    """The engine could not be started or reached."""


class EngineLost(EngineError):
    """The engine went away in the middle of an answer."""


class EngineSilent(EngineLost):
    """The engine gave no sign of life for too long."""

    def __init__(self) -> None:
        super().__init__("The engine gave no sign of life for too long.")


class RequestRefused(EngineError):
    """The engine answered with an error: `status` as in HTTP, and its message."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)


class ContextExceeded(RequestRefused):
    """The conversation has more tokens than the context holds."""

    def __init__(self, tokens: int, limit: int) -> None:
        self.tokens = tokens
        self.limit = limit
        super().__init__(
            400,
            f"The question is too long: with what stands before it it has {tokens:,} tokens, "
            f"{max(1, tokens - limit):,} more than the context of {limit:,} holds.",
        )


class EngineBusy(RequestRefused):
    """Too many requests are waiting; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(429, f"Too many requests are waiting. Try again in {retry_after} seconds.")
