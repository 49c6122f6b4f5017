"""What the head of a model card (README.md) says of a model's licence."""

from __future__ import annotations

import re
from pathlib import Path

from locoman.documents import read_text
from locoman.errors import LocomanError

MAX_CARD_BYTES = 4 << 20
_FIELD = re.compile(r"(license|license_name)[ \t]*:[ \t]*[\"']?([\w.+-]{1,60})[\"']?[ \t]*")


def card_licence(path: Path) -> str:
    """The licence as the hub writes it, such as "apache-2.0"; "" where no card tells."""
    try:
        lines = read_text(path, MAX_CARD_BYTES).splitlines()
    except LocomanError:
        return ""
    if not lines or lines[0].strip() != "---":
        return ""
    found: dict[str, str] = {}
    for line in lines[1:200]:
        if line.strip() == "---":
            break
        if match := _FIELD.fullmatch(line):
            found.setdefault(match[1], match[2])
    licence = found.get("license", "")
    return found.get("license_name", "") if licence in ("", "other") else licence
