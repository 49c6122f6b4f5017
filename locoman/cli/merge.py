"""locoman merge"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.model_plan import Job, carry_out, target_line
from locoman.cli.output import Output
from locoman.sizes import megabytes
from locoman.workflows.merge import MergePlan, execute_merge, merge_plan
from locoman.workflows.model_files import adapter_weights, base_weights

_FILE = click.Path(path_type=Path)


@make("merge")
@click.argument("base", metavar="BASE")
@click.argument("adapter", metavar="ADAPTER")
@click.option("--out", "-o", "target", required=True, type=_FILE, help="The GGUF file, or the folder, to write.")
@click.option("--imatrix", type=_FILE, help="An importance matrix (GGUF) that weighs the errors.")
@click.option("--split", is_flag=True, help="Write shards, so that merged models share those that no adapter touches.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def command(
    app: App,
    out: Output,
    base: str,
    adapter: str,
    target: Path,
    imatrix: Path | None,
    split: bool,
    force: bool,
    dry_run: bool,
) -> None:
    """Merge a LoRA adapter into a model.

    BASE is a GGUF file of any type, an installed base, or a Hugging Face checkpoint folder; ADAPTER a PEFT folder, a LoRA
    GGUF, or an installed adapter. Only the tensors that the adapter touches are computed anew, in the type they have; all
    other bytes stay, and so does the source.

    \b
    Examples:
      locoman merge loco-tiny arithmetic --out loco-arithmetic.gguf
      locoman merge model.gguf ./my-adapter --split --out mine.gguf
      locoman merge ./Qwen3-0.6B ./my-adapter --out ./Qwen3-0.6B-mine
    """
    paths = base_weights(app.home, base), adapter_weights(app.home, adapter)
    with merge_plan(*paths, target, imatrix=imatrix, split=split, force=force) as plan:
        carry_out(out, _job(plan), dry_run=dry_run)


def _job(plan: MergePlan) -> Job:
    title, lines = f"Merging {plan.adapter.name}", tuple(_lines(plan))
    return Job(title, _document(plan), lines, plan.files[0], plan.bytes, partial(execute_merge, plan))


def _document(plan: MergePlan) -> dict[str, Any]:
    return {
        "base": str(plan.base),
        "adapter": str(plan.adapter),
        "files": [str(file) for file in plan.files],
        "bytes": plan.bytes,
        "touched": list(plan.touched),
        "touched_bytes": plan.touched_bytes,
    }


def _lines(plan: MergePlan) -> Iterator[str]:
    yield f"Base      {plan.base}  (kept as it is)"
    yield f"Adapter   {plan.adapter}"
    yield target_line(plan.target, plan.files, plan.bytes)
    share = plan.touched_bytes / max(plan.bytes, 1)
    yield f"Touched   {len(plan.touched)} tensors, {megabytes(plan.touched_bytes)} ({share:.0%}); all other bytes stay"
