"""What `locoman doctor` looks at in the router: its file, its encoder, and the two files in which its user speaks."""

from __future__ import annotations

from pathlib import Path

from locoman.errors import InvalidFile, MissingPrerequisite
from locoman.routing.encoder.files import encoder_folder, is_sound
from locoman.routing.storage import load_model
from locoman.sizes import megabytes
from locoman.store.home import Home
from locoman.store.registry import Registry
from locoman.workflows.collection import answering_packages, router_file
from locoman.workflows.router.encoder import unheard
from locoman.workflows.router.encoder_session import REPAIR, encoder_state
from locoman.workflows.router.feedback import read_feedback
from locoman.workflows.router.installed_encoder import DAMAGED, REINSTALL, working_encoder
from locoman.workflows.router.lessons import gather
from locoman.workflows.router.oddities import idle_remarks, idle_wishes, shared_phrases
from locoman.workflows.router.wishes import read_wishes


def check_router(home: Home, registry: Registry, *, deep: bool) -> str:
    """The router's file and its encoder; `deep` reads every byte of that. Raises InvalidFile, MissingPrerequisite."""
    path = router_file(home, registry.current())
    learnt = load_model(path).learnt
    state, folder = encoder_state(home), encoder_folder(home.encoders)
    if state == "damaged" or (state == "sound" and deep and not is_sound(folder)):
        raise MissingPrerequisite(f"The router's encoder in {folder} is damaged.", REPAIR)
    meaning = learnt is not None and learnt.meaning is not None
    if meaning and state == "absent":
        sentence = (
            "The router's encoder is missing, so words alone decide; locoman router fit makes that its usual state."
        )
        raise MissingPrerequisite(sentence, REPAIR)
    if state == "sound":
        _try_encoder(home)
        if unheard(home, registry):
            raise MissingPrerequisite("The router was fitted without its encoder, which is here.", "locoman router fit")
    how = "with its encoder" if meaning else f"words alone ({REPAIR} teaches it what they mean)"
    return f"{path.name}, {megabytes(path.stat().st_size)}, {how}"


def _try_encoder(home: Home) -> None:
    """Raises MissingPrerequisite where it does not work, although its files are whole."""
    said: list[str] = []
    if working_encoder(home, said.append) is None:
        if DAMAGED in said:
            raise MissingPrerequisite("The router's encoder is damaged, so words alone decide.", REPAIR)
        raise MissingPrerequisite("ONNX Runtime does not work here, so words alone decide.", REINSTALL)


def check_wishes(home: Home, registry: Registry) -> str:
    """routing.toml, and whether all that it and the packages declare does something. Raises MissingPrerequisite."""
    try:
        wishes = read_wishes(home)
        lessons = gather(home, answering_packages(home, registry, registry.current()), ())
    except InvalidFile as error:  # of the user, or of a package
        raise MissingPrerequisite(str(error), _mending(home, error.path)) from error
    odd = (*idle_wishes(wishes, registry.names()), *shared_phrases(lessons.adapters))
    return " ".join(odd) or ("routing.toml can be read" if home.wishes.exists() else "no routing.toml of yours")


def _mending(home: Home, path: Path) -> str:
    """What helps a broken file: the user's own is mended; an adapter's comes anew."""
    if not path.is_relative_to(home.adapters):
        return f"mend {path}"
    name = path.relative_to(home.adapters).parts[0]
    return f"locoman adapter remove {name}, then locoman adapter add {name}"


def check_feedback(home: Home, registry: Registry) -> str:
    """feedback.jsonl. Raises InvalidFile."""
    remarks = read_feedback(home)
    return " ".join((f"{len(remarks)} remark(s) of yours.", *idle_remarks(remarks, registry.names()))).rstrip(".")
