"""Reads small YAML files by whomever: texts, lists and mappings alone, no tags, no aliases that could make much of little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from locoman.documents import read_text
from locoman.errors import InvalidFile, Unsupported

_MAX_BYTES = 256 << 10
_MAX_DEPTH = 20
_STANDARD = "tag:yaml.org,2002:"


def read_yaml(path: Path, *, typed: bool = False) -> dict[str, Any]:
    """The mapping in the file; every scalar is a text, so that version 1.0 stays "1.0", unless `typed`.

    Raises InvalidFile, StoreError; if `typed`, Unsupported for a tag such as "!function", which stands for code.
    """
    import yaml

    text = read_text(path, _MAX_BYTES)
    try:
        # Aliases first: composing them would already build what they repeat.
        depth = 0
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            if isinstance(event, yaml.AliasEvent):
                raise InvalidFile(path, "it uses aliases (*name), which are not read", line=event.start_mark.line + 1)
            tag = getattr(event, "tag", None)
            if typed and tag is not None and (not tag.startswith(_STANDARD) or "python" in tag):
                what = f"{tag} {getattr(event, 'value', '')}".strip()
                raise Unsupported(path, f"{what!r} stands for code, which is not run", line=event.start_mark.line + 1)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                raise InvalidFile(path, "nested too deeply", line=event.start_mark.line + 1)
        # a BaseLoader is a SafeLoader without types: it builds nothing but texts
        document = yaml.load(text, Loader=yaml.SafeLoader if typed else yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InvalidFile(path, f"broken YAML: {error.problem or 'it cannot be read'}", line=line) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidFile(path, "broken YAML, or nested too deeply") from error
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise InvalidFile(path, "no mapping of names")
    return document
