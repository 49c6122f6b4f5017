"""The name of a model inside Ollama (its types/model/name.go): parsed once, equal however it was abbreviated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from locoman.errors import InvalidName

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}")
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
_DEFAULT_HOST = "registry.ollama.ai"
_DEFAULT_NAMESPACE = "library"


@dataclass(frozen=True, slots=True)
class OllamaTag:
    """[host/][namespace/]model[:tag]; `str` gives the shortest form, the one that `ollama list` shows."""

    host: str
    namespace: str
    model: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> OllamaTag:
        """Raises InvalidName."""
        rest = text.strip().partition("://")[2] or text.strip()
        tag = "latest"
        if rest.rfind(":") > rest.rfind("/"):
            rest, _, tag = rest.rpartition(":")
        parts = rest.split("/", 2)[::-1] if rest.count("/") < 3 else []
        model, namespace, host = (*parts, *("", _DEFAULT_NAMESPACE, _DEFAULT_HOST)[len(parts) :])
        valid = (
            _HOST.fullmatch(host)
            and _NAMESPACE.fullmatch(namespace)
            and _PART.fullmatch(model)
            and _PART.fullmatch(tag)
        )
        if not valid:
            raise InvalidName("a model in Ollama", text, "write [host/][namespace/]model[:tag]")
        return cls(host, namespace, model, tag)

    @property
    def manifest(self) -> PurePosixPath:
        """Where Ollama keeps its manifest, below `manifests`."""
        return PurePosixPath(self.host, self.namespace, self.model, self.tag)

    def __str__(self) -> str:
        short = f"{self.model}:{self.tag}"
        if self.host.lower() != _DEFAULT_HOST:
            return f"{self.host}/{self.namespace}/{short}"
        return short if self.namespace.lower() == _DEFAULT_NAMESPACE else f"{self.namespace}/{short}"
