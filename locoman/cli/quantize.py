"""locoman quantize"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.model_plan import Job, carry_out, describe_model, model_lines, target_line
from locoman.cli.output import Output
from locoman.sizes import megabytes
from locoman.workflows.model_files import gguf_file
from locoman.workflows.quantize import QuantizeOptions, QuantizePlan, execute_quantize, quantize_plan

_FILE = click.Path(path_type=Path)


@make("quantize")
@click.argument("source", metavar="FILE|NAME")
@click.option(
    "--to", metavar="TYPE", required=True, help="F32, F16, BF16, Q8_0, Q4_0, Q3_K_M, Q4_K_S, Q4_K_M, ... Q6_K."
)
@click.option("--out", "-o", "target", required=True, type=_FILE, help="The GGUF file to write.")
@click.option("--imatrix", type=_FILE, help="An importance matrix (GGUF) that weighs the errors.")
@click.option("--requantize", is_flag=True, help="Quantize again what is quantized already; loses more.")
@click.option("--split", is_flag=True, help="Write shards; what adapters touch lies in shards of its own.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def command(
    app: App,
    out: Output,
    source: str,
    to: str,
    target: Path,
    imatrix: Path | None,
    requantize: bool,
    split: bool,
    force: bool,
    dry_run: bool,
) -> None:
    """Quantize a GGUF model, whole or in shards, to another type.

    The bytes are those that llama-quantize writes. Of a model in shards name the first.

    \b
    Examples:
      locoman quantize model-f16.gguf --to Q4_K_M --out model.gguf
      locoman quantize model-f16.gguf --to Q4_K_M --imatrix imatrix.gguf --out model.gguf
      locoman quantize loco-tiny --to Q4_0 --requantize --out small.gguf
    """
    options = QuantizeOptions(imatrix, requantize, split, force)
    with quantize_plan(gguf_file(app.home, source), to, target, options) as plan:
        carry_out(out, _job(plan), dry_run=dry_run)


def _job(plan: QuantizePlan) -> Job:
    title, lines = f"Quantizing {plan.source.name}", tuple(_lines(plan))
    return Job(title, _document(plan), lines, plan.files[0], plan.model.bytes, partial(execute_quantize, plan))


def _document(plan: QuantizePlan) -> dict[str, Any]:
    return {
        "source": str(plan.source),
        "files": [str(file) for file in plan.files],
        "type": plan.quantization,
        "source_bytes": plan.before,
        **describe_model(plan.model),
    }


def _lines(plan: QuantizePlan) -> Iterator[str]:
    yield f"From      {plan.source}  ({megabytes(plan.before)})"
    yield target_line(plan.target, plan.files, plan.model.bytes)
    yield from model_lines(plan.model)
