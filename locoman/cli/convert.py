"""locoman convert"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.catalog.hub_checkpoint import HubCheckpoint, find_hub_checkpoint
from locoman.cli.command import command as make
from locoman.cli.model_plan import describe_model, model_lines, rate, target_line
from locoman.cli.output import Output
from locoman.errors import megabytes
from locoman.weights.lora import LoraPlan
from locoman.workflows.convert import ConvertOptions, ConvertPlan, execute_convert, plan_convert
from locoman.workflows.model_files import base_weights, checkpoint_folder

_FILE = click.Path(path_type=Path)


@make("convert")
@click.argument("source", metavar="FOLDER|NAME|OWNER/NAME")
@click.option("--out", "-o", "target", required=True, type=_FILE, help="The GGUF file to write.")
@click.option(
    "--to", metavar="TYPE", help="F32, F16, BF16, Q8_0, Q4_0, Q3_K_M, Q4_K_S, Q4_K_M, Q5_K_S, Q5_K_M or Q6_K."
)
@click.option("--base", metavar="FILE|FOLDER|NAME", help="The base that an adapter belongs to.")
@click.option("--revision", metavar="NAME", default="main", help="Which revision of a repository on the hub.")
@click.option("--imatrix", type=_FILE, help="An importance matrix (GGUF) that weighs the errors.")
@click.option("--pre", metavar="NAME", help="llama.cpp's name of the pre-tokenizer, where it cannot be found.")
@click.option("--split", is_flag=True, help="Write shards; what adapters touch lies in shards of its own.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def command(
    app: App,
    out: Output,
    source: str,
    target: Path,
    to: str | None,
    base: str | None,
    revision: str,
    imatrix: Path | None,
    pre: str | None,
    split: bool,
    force: bool,
    dry_run: bool,
) -> None:
    """Convert a Hugging Face checkpoint, or a PEFT adapter, to GGUF.

    The source is a folder, a base whose checkpoint lies beside its spec, or a repository on the hub (extra `hub`), which is
    downloaded first and kept in LOCOMAN_HOME/downloads.

    Quantizes in the same pass: no file in between. A model becomes Q4_K_M and an adapter F16 unless --to says otherwise.

    \b
    Examples:
      locoman convert ./Qwen3-0.6B --to Q4_K_M --out qwen3.gguf
      locoman convert Qwen/Qwen3-0.6B --to Q4_K_M --out qwen3.gguf
      locoman convert loco-tiny --to Q8_0 --out tiny.gguf
      locoman convert ./my-adapter --base qwen3.gguf --out my-adapter.gguf
    """
    options = ConvertOptions(to, base_weights(app.home, base) if base else None, imatrix, pre, split, force)
    folder = checkpoint_folder(app.shelf, source)
    if folder is None:
        folder = _fetch(app, out, find_hub_checkpoint(source, revision), dry_run=dry_run)
    if folder is None:
        return
    plan = plan_convert(folder, target, options)
    document = describe(plan)
    if dry_run:
        out.result(document, lambda: out.lines(plan_lines(plan)))
        return
    for line in plan_lines(plan):
        out.note(line)
    started = time.perf_counter()
    with out.stages() as stages:
        execute_convert(plan, stages(f"Converting {plan.source.name}"))
    seconds = time.perf_counter() - started
    document |= {"written": True, "seconds": round(seconds, 3)}
    out.result(document, lambda: out.line(f"{plan.files[0]} is ready ({rate(plan.bytes, seconds)})."))


def _fetch(app: App, out: Output, checkpoint: HubCheckpoint, *, dry_run: bool) -> Path | None:
    """Downloads a repository; on a dry run only says what would be downloaded, for what is in it decides all else."""
    if dry_run:
        document = {
            "repository": checkpoint.repository, "commit": checkpoint.commit, "download_bytes": checkpoint.bytes,
            "downloads": [file.name for file in checkpoint.files], "written": False,
        }  # fmt: skip
        lines = [f"From      {checkpoint.repository} at {checkpoint.commit[:12]} on the hub"]
        lines.append(f"Download  {len(checkpoint.files)} files, {megabytes(checkpoint.bytes)}")
        out.result(document, lambda: out.lines(lines))
        return None
    from locoman.workflows.fetch_checkpoint import fetch_checkpoint

    with out.stages() as stages:
        return fetch_checkpoint(app.home, checkpoint, stages)


def describe(plan: ConvertPlan) -> dict[str, Any]:
    """The plan as --json prints it."""
    document: dict[str, Any] = {"source": str(plan.source), "files": [str(file) for file in plan.files]}
    if isinstance(plan.plan, LoraPlan):
        document |= {
            "kind": "adapter", "architecture": plan.plan.architecture, "type": plan.plan.type.name,
            "bytes": plan.plan.bytes, "pairs": len(plan.plan.pairs), "alpha": plan.plan.alpha,
        }  # fmt: skip
    else:
        architecture = plan.plan.architecture.name
        document |= {"kind": "model", "architecture": architecture, "type": plan.plan.quantization}
        document |= describe_model(plan.plan.model)
    return document | {"written": False}


def plan_lines(plan: ConvertPlan) -> Iterator[str]:
    """The plan as a person reads it."""
    if isinstance(plan.plan, LoraPlan):
        yield f"From      {plan.source}  (LoRA for {plan.plan.architecture}, {len(plan.plan.pairs)} modules)"
        yield target_line(plan.target, plan.files, plan.bytes)
        yield f"Types     {plan.plan.type.name}, alpha {plan.plan.alpha:g}"
        return
    yield f"From      {plan.source}  ({plan.plan.architecture.name})"
    yield target_line(plan.target, plan.files, plan.bytes)
    yield from model_lines(plan.plan.model)
