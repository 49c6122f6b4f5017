"""locoman convert"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.catalog.hub_checkpoint import HubCheckpoint, find_hub_checkpoint
from locoman.cli.command import command as make
from locoman.cli.model_plan import Job, carry_out, describe_model, model_lines, target_line
from locoman.cli.output import Output
from locoman.sizes import megabytes
from locoman.weights.lora import LoraPlan
from locoman.workflows.convert import ConvertOptions, ConvertPlan, execute_convert, plan_convert
from locoman.workflows.model_files import base_weights, check_target, checkpoint_folder

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
    downloaded first, into LOCOMAN_HOME/downloads. A download that is cut goes on with the next call; it goes when it is
    converted.

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
    if folder is not None:
        carry_out(out, _job(plan_convert(folder, target, options)), dry_run=dry_run)
        return
    checkpoint = find_hub_checkpoint(source, revision)
    if dry_run:
        _show_download(out, checkpoint)
        return
    from locoman.workflows.fetch_checkpoint import fetch_checkpoint, forget_checkpoint

    if not split:
        check_target(target, 0, force=force)
    with out.stages() as stages:
        folder = fetch_checkpoint(app.home, checkpoint, stages)
    carry_out(out, _job(plan_convert(folder, target, options)), dry_run=False)
    forget_checkpoint(app.home, checkpoint)


def _show_download(out: Output, checkpoint: HubCheckpoint) -> None:
    """A dry run of a repository says what would be downloaded; what is in it decides all else."""
    document = {
        "repository": checkpoint.repository, "commit": checkpoint.commit, "download_bytes": checkpoint.bytes,
        "downloads": [file.name for file in checkpoint.files], "written": False,
    }  # fmt: skip
    lines = [f"From      {checkpoint.repository} at {checkpoint.commit[:12]} on the hub"]
    lines.append(
        f"Download  {len(checkpoint.files)} files, {megabytes(checkpoint.bytes)}; they go when it is converted"
    )
    out.result(document, lambda: out.lines(lines))


def _job(plan: ConvertPlan) -> Job:
    title, lines = f"Converting {plan.source.name}", tuple(_lines(plan))
    return Job(title, _document(plan), lines, plan.files[0], plan.bytes, partial(execute_convert, plan))


def _document(plan: ConvertPlan) -> dict[str, Any]:
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
    return document


def _lines(plan: ConvertPlan) -> Iterator[str]:
    if isinstance(plan.plan, LoraPlan):
        yield f"From      {plan.source}  (LoRA for {plan.plan.architecture}, {len(plan.plan.pairs)} modules)"
        yield target_line(plan.target, plan.files, plan.bytes)
        yield f"Types     {plan.plan.type.name}, alpha {plan.plan.alpha:g}"
        return
    yield f"From      {plan.source}  ({plan.plan.architecture.name})"
    yield target_line(plan.target, plan.files, plan.bytes)
    yield from model_lines(plan.plan.model)
