"""locoman adapter train"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import get_args

import click

from locoman.app import App
from locoman.cli.adapter import train_pages as pages
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.names import BaseRef
from locoman.training.checkpoint import Look
from locoman.training.lora import Machine, Where
from locoman.workflows.training.execute import evaluate_trained, execute_train, forget_state
from locoman.workflows.training.plan import TrainOptions, plan_train

_FOLDER = click.Path(path_type=Path, file_okay=False)


@make("train")
@click.argument("name", metavar="NAME|FOLDER")
@click.option("--base", metavar="NAME", help="The base to train on (default: the package's own).")
@click.option("--checkpoint", type=_FOLDER, help="The base's Hugging Face checkpoint, where it is here already.")
@click.option(
    "--out", "-o", "out_", type=_FOLDER, help="Where the package goes (default: the FOLDER itself, or ./NAME)."
)
@click.option(
    "--device", type=click.Choice(get_args(Where)), default="auto", help="What computes (default: a GPU, else the CPU)."
)
@click.option("--threads", type=click.IntRange(0, 1024), default=0, help="CPU threads (default: one per core).")
@click.option("--rows", type=click.IntRange(0), default=0, help="Examples computed at a time; fewer need less memory.")
@click.option("--no-eval", is_flag=True, help="Train only; do not evaluate.")
@click.option("--allow-code", is_flag=True, help="Let a gate that tests code run the answers, in a sandbox.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def train(
    app: App, out: Output, name: str, base: str | None, checkpoint: Path | None, out_: Path | None, device: Where,
    threads: int, rows: int, no_eval: bool,
    allow_code: bool, dry_run: bool,
) -> None:  # fmt: skip
    """Train an adapter as its adapter.toml says, evaluate it against the bare base, and write its package.

    Needs the extra `train` (torch, transformers, peft) and the base's Hugging Face checkpoint: what ships with locoman, what
    the base's spec names on the hub, or a folder. Only the answers are learnt, through the base's own chat template. Killed,
    the same command goes on where it stopped; the same package and machine give the same weights.

    Exit code 3 where the trained adapter misses its gate.

    \b
    Examples:
      locoman adapter train ./fractions
      locoman adapter train arithmetic --base loco-tiny --out ./arithmetic
      locoman adapter train ./poems --checkpoint ./Qwen3-4B-Instruct-2507 --rows 2
    """
    options = TrainOptions(BaseRef.parse(base) if base else None, checkpoint, out_, not no_eval, allow_code)
    plan = plan_train(app.home, app.shelf, name, options)
    if out.plan(pages.describe_plan(plan), pages.plan_lines(plan), dry_run=dry_run):
        return

    def look(at: Look) -> None:
        out.note(pages.look_line(at))

    with out.stages() as stages:
        trained = execute_train(app.home, plan, Machine(device, threads, rows), stages, look)
    with out.stages() as stages:
        scorers = partial(app.scorers, allow_code=allow_code)
        evaluated = None if no_eval else evaluate_trained(app.home, plan, app.engine_in, scorers, stages)
    forget_state(plan)
    out.result(pages.describe(plan, trained, evaluated), lambda: out.lines(pages.lines(plan, trained, evaluated)))
    if evaluated is not None and not evaluated.verdict.passed:
        out.fall_short(pages.short(evaluated), "more or better examples in train.jsonl, then the same command again")
