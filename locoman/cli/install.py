"""locoman install"""

from __future__ import annotations

import sys
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.names import BaseRef
from locoman.routing.encoder.files import BYTES, LICENCE, NAME, is_whole
from locoman.sizes import megabytes
from locoman.workflows.encoder_step import EncoderStep, EncoderWish
from locoman.workflows.install import InstallPlan, execute_install, plan_install
from locoman.workflows.selfcheck import SelfCheck, self_check


@make("install")
@click.option("--base", metavar="NAME", help="The base to install (default: the one in use, else the standard base).")
@click.option("--adapter", "adapters", multiple=True, metavar="NAME|FOLDER", help="Only this adapter (repeatable).")
@click.option(
    "--with-encoder/--no-encoder",
    "encoder",
    default=None,
    help="Bring the router's encoder along, or not (default: with a base that is downloaded, if it can be had).",
)
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before downloading.")
@click.option("--no-check", is_flag=True, help="Skip the question to each adapter at the end.")
def command(
    app: App,
    out: Output,
    base: str | None,
    adapters: tuple[str, ...],
    encoder: bool | None,
    dry_run: bool,
    yes: bool,
    no_check: bool,
) -> None:
    """Install a base model and its adapters.

    The plan is shown first: what comes from where, bytes, disk, memory and licence. The router works without its encoder
    too, by words alone.

    \b
    Examples:
      locoman install                              the standard base, through Ollama
      locoman install --base loco-tiny --yes       a tiny base that ships with locoman
      locoman install --adapter ./my-adapter       one adapter from a folder
      locoman install --with-encoder               also teach the router what words mean
    """
    wish: EncoderWish = "auto" if encoder is None else "yes" if encoder else "no"
    ref = BaseRef.parse(base) if base else None
    plan = plan_install(app.home, app.shelf, app.providers(), ref, adapters, wish)
    document: dict[str, Any] = {"plan": describe(plan), "installed": False, "checks": []}
    if dry_run:
        out.result(document, lambda: out.lines(plan_lines(plan)))
        return
    if not plan.nothing_to_do:
        out.notes(plan_lines(plan))
    if plan.download_bytes and not yes and sys.stdin.isatty():
        click.confirm("Go on?", abort=True, err=True)
    with out.stages() as stages:
        installed = execute_install(app.home, plan, stages)
    checks = [] if no_check else run_checks(app, out)
    document |= {
        "installed": True,
        "encoder": is_whole(plan.encoder.plan.folder),
        "encoder_missed": installed.missed,
        "checks": [check_document(check) for check in checks],
    }
    names = ", ".join(adapter.name for adapter in installed.adapters) or "no adapters"
    out.result(document, lambda: out.line(f"{installed.base.name} is ready with {names}."))
    _mention_encoder(out, document["encoder"], installed.missed)
    failed = [check.adapter for check in checks if not check.ok]
    if failed:
        out.fall_short(f"Installed, but the self-check fell short for {', '.join(failed)}.", "locoman doctor")


def _mention_encoder(out: Output, here: bool, missed: str) -> None:
    """The router works without its encoder, and better with it."""
    if missed:
        out.note(missed)
    if not here:
        out.note(
            f"The router goes by words alone. To teach it what they mean ({megabytes(BYTES)}): locoman router encoder install"
        )


def describe(plan: InstallPlan) -> dict[str, Any]:
    """The plan as --json prints it."""
    return {
        "base": plan.spec.ref.name,
        "licence": plan.spec.spec.licence,
        "source": plan.offer.provider if plan.offer else None,
        "how": plan.offer.sentence if plan.offer else "installed already",
        "passed_over": [{"source": source, "reason": reason} for source, reason in plan.passed_over],
        "download_bytes": plan.download_bytes,
        "disk_bytes": plan.disk_bytes,
        "disk_free": plan.disk_free,
        "memory_bytes": plan.memory_bytes,
        "memory_total": plan.memory_total,
        "adapters": [
            {"adapter": str(step.ref), "action": step.action, "kind": step.package.manifest.kind, "bytes": step.bytes,
             "licence": step.package.manifest.licence}
            for step in plan.adapters
        ],
        "encoder": {
            "encoder": NAME,
            "action": plan.encoder.action,
            "licence": LICENCE,
            "download_bytes": plan.encoder.download_bytes,
            "sources": [source.name for source in plan.encoder.plan.sources],
        },
    }  # fmt: skip


def plan_lines(plan: InstallPlan) -> list[str]:
    """The plan as a person reads it."""
    lines = [f"Base      {plan.spec.ref}  ({plan.spec.spec.title}; licence {plan.spec.spec.licence})"]
    lines += [f"          not from {source}: {reason}" for source, reason in plan.passed_over]
    if plan.offer is None:
        lines.append("          installed already")
    else:
        fetched = f", {megabytes(plan.offer.download_bytes)} to download" if plan.offer.download_bytes else ""
        lines.append(f"          from {plan.offer.provider}: {plan.offer.sentence}{fetched}")
    for step in plan.adapters:
        label = ", prompt-only: no trained weights yet" if step.package.manifest.kind == "prompt" else ""
        state = "installed already" if step.action == "keep" else megabytes(step.bytes)
        lines.append(f"Adapter   {step.ref}  ({state}{label})")
    lines.append(_encoder_line(plan.encoder))
    lines.append(f"Disk      {megabytes(plan.disk_bytes)} needed, {megabytes(plan.disk_free)} free")
    lines.append(
        f"Memory    {megabytes(plan.memory_bytes)} needed while answering, {megabytes(plan.memory_total)} in this machine"
    )
    return lines


def _encoder_line(step: EncoderStep) -> str:
    if step.action == "keep":
        return f"Encoder   {NAME}  (installed already)"
    if step.action == "leave":
        return f"Encoder   none: the router goes by words alone; --with-encoder brings {NAME} ({megabytes(BYTES)})"
    fetched = f"{megabytes(step.download_bytes)} to download" if step.download_bytes else "nothing to download"
    places = ", else ".join(source.name for source in step.plan.sources)
    return f"Encoder   {NAME}  (licence {LICENCE}; {megabytes(BYTES)}; {fetched}, from {places})"


def run_checks(app: App, out: Output) -> list[SelfCheck]:
    """Puts one question to each adapter, and says how it went."""
    registry = app.registry()
    checks = []
    for check in self_check(app.engine(), app.home, registry, registry.current()):
        verdict = "ok" if check.ok else f"expected {check.expected!r}"
        out.note(f"Check     {check.adapter}: {check.question!r} -> {check.answer!r} ({verdict})")
        checks.append(check)
    return checks


def check_document(check: SelfCheck) -> dict[str, Any]:
    """A check as --json prints it."""
    return {
        "adapter": check.adapter, "question": check.question, "answer": check.answer, "expected": check.expected,
        "ok": check.ok, "prompt_only": check.prompt_only,
    }  # fmt: skip
