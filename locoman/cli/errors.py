"""The one table from an error to its next command and exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from locoman import errors
from locoman.documents import A_FOLDER


@dataclass(frozen=True, slots=True)
class Advice:
    """What to type next ("" where nothing would help) and the exit code."""

    next: Callable[[errors.LocomanError], str]
    code: int


def _always(text: str) -> Callable[[errors.LocomanError], str]:
    return lambda error: text


def _remedy(error: errors.LocomanError) -> str:
    return getattr(error, "remedy", "")


def _usage(error: errors.LocomanError) -> str:
    return _remedy(error) or "locoman --help"


def _list_of(error: errors.LocomanError) -> str:
    kind = getattr(error, "kind", "")
    return (
        "locoman config"
        if "setting" in kind
        else "locoman base compare"
        if "candidate" in kind
        else "locoman base list"
        if "base" in kind
        else "locoman eval --help"
        if "scorer" in kind
        else "locoman adapter list"
        if kind in ("installed adapter", "active adapter")
        else "locoman adapter list --all"
    )


def _mend(error: errors.LocomanError) -> str:
    """A file of somebody's own is mended by hand; what locoman wrote is the doctor's."""
    path = getattr(error, "path", None)
    if path is not None and not _in_a_home(path):
        if not path.exists():
            return f"put a file at {path}, or give the path of another one"
        if getattr(error, "detail", "") == A_FOLDER:
            return f"the path of a file in {path}"
    if path is None or path.suffix not in (".toml", ".jsonl", ".yaml", ".yml") or path.name in _OURS:
        return "locoman doctor"
    away = ", or move it away" if path.name == "feedback.jsonl" else ""
    return f"mend {path}{away}, then the same command again"


def _in_a_home(path: Path) -> bool:
    """Whether locoman put it there, not whoever reads of it."""
    return any((folder / "registry.toml").is_file() for folder in path.absolute().parents)


def _options(error: errors.LocomanError) -> str:
    where, missing = getattr(error, "where", ""), getattr(error, "missing", ())
    return " ".join([getattr(error, "command", "locoman"), where, *(option for option, _ in missing)])


_OURS = frozenset({"registry.toml", "config.toml", "cases.jsonl"})

# The first class that an error belongs to decides, so the special ones stand before the general ones.
TABLE: tuple[tuple[type[errors.LocomanError], Advice], ...] = (
    (errors.UnknownName, Advice(_list_of, 2)),
    (errors.Incomplete, Advice(_options, 2)),
    (errors.WrongPhase, Advice(_remedy, 2)),
    (errors.UsageError, Advice(_usage, 2)),
    (errors.WrongBase, Advice(_always("locoman adapter list --all"), 3)),
    (errors.CheckFailed, Advice(_always("locoman doctor"), 3)),
    (errors.MissingPrerequisite, Advice(_remedy, 4)),
    (errors.BadDelivery, Advice(_always("copy or fetch it again; if that is no help, tell whoever made it"), 1)),
    (errors.UnusableEncoder, Advice(_always("locoman router encoder install"), 1)),
    (errors.InvalidFile, Advice(_mend, 1)),
    (errors.Diverged, Advice(_always("a lower learning_rate in adapter.toml"), 1)),
    (errors.DownloadFailed, Advice(_always("the same command again; it goes on where it stopped"), 1)),
    (errors.ScorerFailed, Advice(_always("the same command again; cases that are done are not asked again"), 1)),
    (errors.StoreBusy, Advice(_always("wait for it to finish, then try again"), 1)),
    (errors.StoreReadOnly, Advice(_always("locoman --home FOLDER ..., or set LOCOMAN_HOME to a folder of yours"), 1)),
    (errors.StoreError, Advice(_always("locoman doctor"), 1)),
    (errors.OllamaRefused, Advice(_always("locoman doctor"), 1)),
    (errors.EngineLost, Advice(_always("ask again; the engine is started anew"), 1)),
    (errors.ContextExceeded, Advice(_always("ask something shorter, or a part of it"), 1)),
    (errors.EngineError, Advice(_always("locoman doctor"), 1)),
    (errors.LocomanError, Advice(_always("locoman doctor"), 1)),
)


def advise(error: errors.LocomanError) -> tuple[str, int]:
    """The next command and the exit code for `error`."""
    advice = next(advice for kind, advice in TABLE if isinstance(error, kind))
    return advice.next(error), advice.code
