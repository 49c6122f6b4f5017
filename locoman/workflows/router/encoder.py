"""Brings the router's encoder onto this machine, or takes it away, and fits the routers accordingly."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from locoman.errors import LocomanError, MissingPrerequisite, NoSource, NotEnoughDisk
from locoman.progress import Stages
from locoman.routing.encoder.files import BYTES, FILES, NAME, encoder_folder, is_sound, verify
from locoman.routing.storage import load_model
from locoman.store.atomic import mapped
from locoman.store.home import Home
from locoman.store.locks import held
from locoman.store.registry import Registry, load_registry
from locoman.store.transaction import Transaction, change
from locoman.workflows.collection import router_file
from locoman.workflows.router.encoder_sources import EncoderSource, given_source, known_sources
from locoman.workflows.router.fitting import Fit, fit_all


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """What bringing the encoder would do: the sources in the order in which they are tried; none if it is here and whole.
    `damaged`: one that is here and is not what it should be goes. `unheard`: it is here, and a router was fitted without it.

    `bytes` on disk; while it is fetched, twice as many are needed.
    """

    folder: Path
    sources: tuple[EncoderSource, ...]
    bytes: int = BYTES
    damaged: bool = False
    unheard: bool = False

    @property
    def download_bytes(self) -> int:
        """What the first source that is tried would download."""
        return self.sources[0].download_bytes if self.sources else 0


def plan_encoder(home: Home, given: Path | None = None) -> EncoderPlan:
    """`given`: a folder or an archive that holds the files. What is here is read. Raises InvalidFile, NotEnoughDisk."""
    folder = encoder_folder(home.encoders)
    sound = is_sound(folder)
    if sound and given is None:
        return EncoderPlan(folder, (), unheard=unheard(home, load_registry(home.registry)))
    existing = next(place for place in (home.root, *home.root.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if free < 2 * BYTES:
        raise NotEnoughDisk(2 * BYTES, free, home.root)
    sources = tuple(known_sources()) if given is None else (given_source(given),)
    return EncoderPlan(folder, sources, damaged=folder.is_dir() and not sound)


def unheard(home: Home, registry: Registry) -> bool:
    """Whether the router of some base was fitted without the encoder: where that is here, somebody was stopped in between."""
    return any(_deaf(router_file(home, base)) for base in registry.bases)


def _deaf(router: Path) -> bool:
    try:
        learnt = load_model(router).learnt
    except LocomanError:
        return False  # is fitted again when it is used
    return learnt is not None and learnt.meaning is None


@contextmanager
def fetched_encoder(home: Home, plan: EncoderPlan, stages: Stages) -> Iterator[Path]:
    """A folder with the verified files, to be published by `publish_encoder`; the home is not locked meanwhile.

    What had arrived when a process was killed is gone on from. Raises NoSource, StoreBusy (somebody fetches it), StoreError.
    """
    place = home.downloads / plan.folder.name
    with held(home.downloads / f"{plan.folder.name}.lock", home.root):
        with mapped(place):
            place.mkdir(exist_ok=True)
        if not is_sound(place):  # else a process that was killed before it could publish it had fetched all
            _fetch(plan, place, stages)
        yield place


def publish_encoder(tx: Transaction, fetched: Path, plan: EncoderPlan) -> None:
    """Moves what was fetched to its place, where routers that are fitted from now on find it, and takes others away.

    Raises StoreError.
    """
    staged = tx.staging / "encoder"
    with mapped(staged):
        staged.mkdir()
        for file in FILES:
            (fetched / file.name).replace(staged / file.name)
        shutil.rmtree(fetched, ignore_errors=True)
        for other in plan.folder.parent.glob("*"):  # of an earlier version of locoman
            if other != plan.folder:
                other.replace(tx.staging / other.name)
    tx.publish(staged, plan.folder)


def execute_encoder(home: Home, plan: EncoderPlan, stages: Stages) -> tuple[Fit, ...]:
    """Carries out `plan` and fits every router. Raises NoSource, StoreBusy, StoreError, and then nothing changed."""
    if not plan.sources:
        with change(home) as tx:
            return fit_all(tx)
    with fetched_encoder(home, plan, stages) as fetched, change(home) as tx:
        publish_encoder(tx, fetched, plan)
        stages("Router")(0, None, "")
        return fit_all(tx)


def remove_encoder(home: Home) -> tuple[Fit, ...]:
    """Deletes the encoder, one of an earlier version too; words alone decide from then on.

    Raises MissingPrerequisite when there is none, StoreError.
    """
    with change(home) as tx:
        folders = tuple(home.encoders.glob("*"))
        if not folders:
            raise MissingPrerequisite("The encoder is not installed.", "locoman router show")
        for folder in folders:
            with mapped(folder):
                folder.replace(tx.staging / folder.name)
        return fit_all(tx)


def _fetch(plan: EncoderPlan, place: Path, stages: Stages) -> None:
    """From the first source that has the right files."""
    passed_over: list[tuple[str, str]] = []
    for source in plan.sources:
        try:
            instead = f" (no {passed_over[-1][0]})" if passed_over else ""
            source.fetch(place, stages(f"Encoder {NAME}: {source.name}{instead}"))
            verify(place)
            return
        except LocomanError as error:
            passed_over.append((source.name, str(error).rstrip(".")))
            for file in FILES:  # of the wrong content, or of another source
                (place / file.name).unlink(missing_ok=True)
    raise NoSource(f"The encoder {NAME}", passed_over, "locoman router encoder install --from FOLDER|FILE")
