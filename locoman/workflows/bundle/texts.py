"""What a person who opens a bundle with any zip program reads in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{1,40}")


def readme_text(title: str) -> str:
    """What this is and what to type. Without the bundle's own name: the same contents give the same bytes."""
    return (
        f"A bundle of locoman: one base model and its adapters, for computers without a network.\n\n{title}\n\n"
        f"Check it:    locoman bundle verify FILE\n"
        f"Install it:  locoman bundle install FILE\n\n"
        "bundle.json lists every file with its size and sha256. Licences: LICENCES.txt\n"
    )


def licences_text(licensed: Sequence[tuple[str, str]]) -> str:
    """One line for each part and its licence, and where the texts of the licences are."""
    lines = [f"{what}: {licence}" for what, licence in licensed]
    known = sorted({licence for _, licence in licensed if _SPDX.fullmatch(licence)})
    links = [f"{licence}: https://spdx.org/licenses/{licence}.html" for licence in known]
    return "\n".join(["What is in this bundle, and under which licence:", "", *lines, "", *links]) + "\n"
