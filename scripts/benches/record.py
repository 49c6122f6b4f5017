"""Keeps what was measured last in docs/benchmarks/NAME.json and writes docs/benchmarks.md from all of them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benches.figure import Figure

DOCS = Path(__file__).parents[2] / "docs"
HEAD = """# Benchmarks

What `scripts/bench NAME --save` measured last; generated. Seconds are of the machine named; judge speed by ratios, measured
side by side in one run. `scripts/bench --list` names them all.
"""


def save(name: str, summary: str, figures: Sequence[Figure], only: str | None = None) -> None:
    """Replaces the record of one benchmark and renews the page.

    With `only`, where one part was run, what is kept of the others is all whose metric does not begin with its name.
    """
    folder = DOCS / "benchmarks"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    measured = [figure.document() for figure in figures]
    if only and path.exists():
        old = json.loads(path.read_text(encoding="utf-8"))["figures"]
        place = next((n for n, figure in enumerate(old) if figure["metric"].startswith(only)), len(old))
        kept = [figure for figure in old if not figure["metric"].startswith(only)]
        measured = [*kept[:place], *measured, *kept[place:]]
    record = {
        "summary": summary,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "figures": measured,
    }
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (DOCS / "benchmarks.md").write_text(render(folder), encoding="utf-8")


def machine() -> str:
    """The machine in words that name nobody."""
    gib = psutil.virtual_memory().total / 2**30
    system, cores = f"{platform.system()} {platform.machine()}", os.cpu_count()
    return f"{system}, {cores} cores, {gib:.0f} GiB, Python {platform.python_version()}"


def render(folder: Path) -> str:
    """The page for all records in `folder`."""
    parts = [HEAD]
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        parts.append(f"\n## {path.stem}\n\n{record['summary']}. Measured {record['date']} on {record['machine']}.\n")
        parts.append("| metric | value | peer | ratio | goal | met |\n|---|---|---|---|---|---|")
        parts += [_row(figure) for figure in record["figures"]]
    return "\n".join(parts) + "\n"


def _row(figure: dict[str, object]) -> str:
    peer = f"{figure['peer']}: {figure['peer_value']:.4g}" if figure["peer_value"] else figure["peer"] or ""
    ratio = f"{figure['ratio']:.3g}" if figure["ratio"] else ""
    met = {True: "yes", False: "no", None: ""}[figure["met"]]  # type: ignore[index]
    value, goal = f"{figure['value']:.4g} {figure['unit']}", figure["goal"] or ""
    return f"| {figure['metric']} | {value} | {peer} | {ratio} | {goal} | {met} |"
