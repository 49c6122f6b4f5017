"""locoman gguf"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.command import group
from locoman.cli.output import Output
from locoman.sizes import megabytes
from locoman.weights.fingerprint import SKETCH_BITS
from locoman.weights.gguf_diff import ModelDifference, TensorDifference
from locoman.workflows.inspect_model import Identified, ModelSummary, diff_files, identify, show_model, verify_model
from locoman.workflows.model_files import base_weights, gguf_file

SHOWN_DIFFERENCES = 20
CHECK_FELL_SHORT = 3

command = group(
    "gguf", "Show, verify, compare and identify GGUF files.", "gguf show model.gguf", "gguf verify model.gguf"
)


@make("show", into=command)
@click.argument("file", metavar="FILE|NAME")
@click.option("--tensors", is_flag=True, help="List every tensor.")
def show(app: App, out: Output, file: str, tensors: bool) -> None:
    """Show what a GGUF file holds. Of a model in shards name any.

    \b
    Examples:
      locoman gguf show model.gguf
      locoman gguf show loco-tiny --tensors
    """
    summary = show_model(gguf_file(app.home, file))
    document = {
        "files": [str(path) for path in summary.files], "architecture": summary.architecture, "kind": summary.kind,
        "name": summary.name, "type": summary.quantization, "parameters": summary.parameters, "bytes": summary.bytes,
        "metadata": dict(summary.metadata),
        "tensors": [{"name": t.name, "shape": t.shape, "type": t.type, "bytes": t.bytes} for t in summary.tensors],
    }  # fmt: skip
    out.result(document, lambda: out.lines(_summary_lines(summary, tensors=tensors)))


@make("verify", into=command)
@click.argument("file", metavar="FILE|NAME")
@click.option("--sha256", metavar="HEX", help="The digest that the file must have.")
def verify(app: App, out: Output, file: str, sha256: str | None) -> None:
    """Read a GGUF file through: its structure, and that every weight is a number.

    Exit code 1 when it is broken, 3 when it has another digest than the one given.

    \b
    Example:
      locoman gguf verify loco-tiny
    """
    with out.stages() as stages:
        found = verify_model(gguf_file(app.home, file), sha256, stages("Verifying"))
    document = {"ok": True, "files": [{"file": str(v.path), "bytes": v.bytes, "sha256": v.sha256} for v in found]}
    out.result(document, lambda: out.lines(f"{v.path} is sound.  sha256 {v.sha256}" for v in found))


@make("diff", into=command)
@click.argument("first", metavar="FIRST")
@click.argument("second", metavar="SECOND")
def diff(app: App, out: Output, first: str, second: str) -> None:
    """Compare two GGUF models: metadata, types, and every weight.

    Exit code 3 when they differ.

    \b
    Examples:
      locoman gguf diff loco-tiny loco-tiny
      locoman gguf diff model-f16.gguf model-q8.gguf
    """
    with out.stages() as stages:
        found = diff_files(gguf_file(app.home, first), gguf_file(app.home, second), stages("Comparing"))
    document: dict[str, Any] = {
        "same": found.same, "same_tensors": found.same_tensors, "same_bytes": found.same_bytes, "bytes": found.bytes,
        "metadata": [{"key": key, "difference": kind} for key, kind in found.keys],
        "tensors": [
            {"name": t.name, "difference": t.kind, "first": t.first, "second": t.second, "error": t.error,
             "largest": t.largest}
            for t in found.tensors
        ],
    }  # fmt: skip
    out.result(document, lambda: out.lines(_difference_lines(found)))
    if not found.same:
        click.get_current_context().exit(CHECK_FELL_SHORT)


@make("fingerprint", into=command)
@click.argument("model", metavar="FILE|FOLDER|NAME")
@click.argument("other", metavar="[OTHER]", required=False)
def fingerprint(app: App, out: Output, model: str, other: str | None) -> None:
    """Tell who a base is: the same line for a checkpoint and for its GGUF of any quantization.

    An adapter's adapter.toml carries it. With OTHER: are the two one model? Exit code 3 when they are not.

    \b
    Examples:
      locoman gguf fingerprint loco-tiny
      locoman gguf fingerprint model-q4.gguf ./Qwen3-0.6B
    """
    found = identify(app.home, base_weights(app.home, model), base_weights(app.home, other) if other else None)
    document: dict[str, Any] = {"model": str(found.model), "fingerprint": str(found.fingerprint)}
    if (difference := found.difference) is not None:
        document |= {"other": str(found.other), "same_model": difference.same_model, **asdict(difference)}
    out.result(document, lambda: out.lines(_identity_lines(found)))
    if difference is not None and not difference.same_model:
        click.get_current_context().exit(CHECK_FELL_SHORT)


def _identity_lines(found: Identified) -> Iterator[str]:
    yield str(found.fingerprint)
    if (difference := found.difference) is None:
        return
    parts = asdict(difference)
    other = [name.removeprefix("same_") for name, same in parts.items() if name.startswith("same_") and not same]
    yield f"{'The same model' if difference.same_model else 'Another model'} as {found.other}"
    differing = f"other {', '.join(other)}; " if other else ""
    yield f"  {differing}weights {difference.sketch_distance} of {SKETCH_BITS} bits apart"


def _summary_lines(summary: ModelSummary, *, tensors: bool) -> Iterator[str]:
    yield f"Files       {', '.join(path.name for path in summary.files)}"
    yield f"Kind        {summary.kind} for {summary.architecture or 'no architecture'}, called {summary.name!r}"
    yield f"Type        {summary.quantization or 'not told'}"
    yield f"Parameters  {summary.parameters:,}"
    yield f"Size        {megabytes(summary.bytes)} in {len(summary.tensors)} tensors"
    for key, value in summary.metadata.items():
        yield f"  {key} = {value!r}" if isinstance(value, str) else f"  {key} = {value}"
    for tensor in summary.tensors if tensors else ():
        yield f"  {tensor.name:<40} {'x'.join(map(str, tensor.shape)):>16}  {tensor.type:<6} {megabytes(tensor.bytes)}"


def _difference_lines(found: ModelDifference) -> Iterator[str]:
    for key, kind in found.keys:
        yield f"{key}: {kind}"
    for tensor in found.tensors[:SHOWN_DIFFERENCES]:
        yield _tensor_line(tensor)
    if len(found.tensors) > SHOWN_DIFFERENCES:
        yield f"and {len(found.tensors) - SHOWN_DIFFERENCES} more tensors (--json lists all)"
    yield f"Same: {found.same_tensors} tensors, {megabytes(found.same_bytes)} ({found.same_share:.1%} of the second)"


def _tensor_line(tensor: TensorDifference) -> str:
    if tensor.kind in ("missing", "added"):
        return f"{tensor.name}: {tensor.kind} ({tensor.first or tensor.second})"
    change = f"{tensor.first} -> {tensor.second}" if tensor.first != tensor.second else tensor.first
    error = f", relative error {tensor.error:.2g}" if tensor.error is not None else ""
    largest = f", largest difference {tensor.largest:.2g}" if tensor.largest is not None else ""
    return f"{tensor.name}: other {tensor.kind}, {change}{error}{largest}"
