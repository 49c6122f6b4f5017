"""locoman bundle"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from locoman.app import App
from locoman.catalog.bundle import open_bundle
from locoman.cli.command import command as make
from locoman.cli.command import group
from locoman.cli.install import check_document, run_checks
from locoman.cli.output import Output
from locoman.names import AdapterRef, BaseRef
from locoman.sizes import megabytes
from locoman.workflows.bundle.create import BundlePlan, execute_bundle, plan_bundle
from locoman.workflows.bundle.install import execute_bundle_install
from locoman.workflows.bundle.install_plan import BundleInstallPlan, plan_bundle_install

if TYPE_CHECKING:
    from locoman.workflows.bundle.into_ollama import Place

command = group(
    "bundle",
    "Carry a base and its adapters to machines without a network.",
    "bundle create class.locoman",
    "bundle install class.locoman",
)
_FILE = click.Path(path_type=Path, dir_okay=False)
_BASE = {
    "copy": "copied to this machine",
    "use": "Ollama has this very file: no second copy",
    "keep": "installed already",
    "into ollama": "goes into Ollama",
}


@make("create", into=command)
@click.argument("file", type=_FILE)
@click.option("--base", metavar="NAME", help="The base to take (default: the one in use).")
@click.option("--adapter", "adapters", multiple=True, metavar="NAME[@VERSION]", help="Only this one (repeatable).")
@click.option("--adapters-only", is_flag=True, help="Leave the base out, for machines that have it.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def create(
    app: App, out: Output, file: Path, base: str | None, adapters: tuple[str, ...], adapters_only: bool, force: bool,
    dry_run: bool,
) -> None:  # fmt: skip
    """Write an installed base, its adapters, router and licences into one file.

    The same contents give the same bytes. Without --adapter those go in that answer on the base.

    \b
    Examples:
      locoman bundle create classroom.locoman
      locoman bundle create classroom.locoman --adapter words --adapter dates --force
      locoman bundle create news.locoman --adapters-only
    """
    plan = plan_bundle(
        app.home, app.shelf, file, base=BaseRef.parse(base) if base else None,
        adapters=tuple(AdapterRef.parse(name) for name in adapters), with_base=not adapters_only, force=force,
    )  # fmt: skip
    document = _describe(plan)
    if out.plan(document, _lines(plan), dry_run=dry_run):
        return
    with out.stages() as stages:
        size = execute_bundle(plan, stages)
    out.result(document | {"written": True, "bytes": size}, lambda: out.line(f"{file} is ready ({megabytes(size)})."))


@make("verify", into=command)
@click.argument("file", type=_FILE)
def verify(app: App, out: Output, file: Path) -> None:
    """Read all of a bundle and compare every file with its sha256.

    \b
    Example:
      locoman bundle verify classroom.locoman
    """
    with open_bundle(file) as bundle, out.stages() as stages:
        bundle.verify(stages(f"Reading {file.name}"))
        manifest, size = bundle.manifest, bundle.bytes
    document = {
        "file": str(file), "ok": True, "base": manifest.base.name if manifest.base else None, "bytes": size,
        "adapters": [str(adapter.ref) for adapter in manifest.adapters], "files": len(manifest.files),
    }  # fmt: skip
    out.result(document, lambda: out.line(f"{file} is whole: {len(manifest.files)} files, {megabytes(size)}."))


@make("install", into=command)
@click.argument("file", type=_FILE)
@click.option("--ollama", "into_ollama", is_flag=True, help="Put the base into Ollama, and run on Ollama's own file.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--no-check", is_flag=True, help="Skip the question to each adapter at the end.")
def install(app: App, out: Output, file: Path, into_ollama: bool, dry_run: bool, no_check: bool) -> None:
    """Install what a bundle holds; needs no network, and no Ollama.

    \b
    Examples:
      locoman bundle install classroom.locoman --dry-run
      locoman bundle install classroom.locoman
      locoman bundle install classroom.locoman --ollama
    """
    ollama = app.ollama() if into_ollama else None
    plan = plan_bundle_install(app.home, app.shelf, app.ready_bases, file, ollama)
    document: dict[str, Any] = {"plan": _describe_install(plan), "installed": False, "checks": []}
    if out.plan(document, _install_lines(plan), dry_run=dry_run):
        return
    with out.stages() as stages:
        installed = execute_bundle_install(app.home, app.shelf, app.ready_bases, plan, stages, ollama)
    if plan.place is not None and not plan.place.second_copy and installed.base.origin != "ollama":
        out.note(
            f"Ollama's file cannot be read from here: LOCOMAN_HOME keeps a second copy ({megabytes(installed.base.bytes)})."
        )
    checks = [] if no_check else run_checks(app, out)
    document |= {"installed": True, "checks": [check_document(check) for check in checks]}
    names = ", ".join(str(adapter.ref) for adapter in installed.adapters) or "no adapters"
    out.result(document, lambda: out.line(f"{installed.base.name} is ready with {names}."))
    failed = [check.adapter for check in checks if not check.ok]
    if failed:
        out.fall_short(f"Installed, but the self-check fell short for {', '.join(failed)}.", "locoman doctor")


def _describe(plan: BundlePlan) -> dict[str, Any]:
    return {
        "file": str(plan.target), "base": plan.base.name if plan.with_base else None, "router": plan.router,
        "encoder": plan.encoder,
        "adapters": [str(adapter.ref) for adapter, _ in plan.adapters], "bytes": plan.bytes,
        "too_large_for_fat32": plan.too_large_for_fat32, "written": False,
    }  # fmt: skip


def _lines(plan: BundlePlan) -> Iterator[str]:
    left_out = "" if plan.with_base else ", left out: it has to be installed where the bundle goes"
    yield f"Base      {plan.base.name}  ({plan.spec.spec.title}; licence {plan.spec.spec.licence}){left_out}"
    for adapter, package in plan.adapters:
        yield f"Adapter   {adapter.ref}  (licence {package.manifest.licence})"
    if plan.encoder:
        yield "Encoder   the router's, which understands what questions mean"
    yield f"To        {plan.target}  ({megabytes(plan.bytes)})"
    if plan.too_large_for_fat32:
        yield "          too large for a stick formatted as FAT32, which ends at 4 GiB: format it as exFAT"


def _describe_install(plan: BundleInstallPlan) -> dict[str, Any]:
    place = plan.place
    return {
        "file": str(plan.path), "base": plan.base, "how": plan.action, "licences": list(plan.licences),
        "adapters": [{"adapter": str(a.ref), "action": "keep" if there else "install"} for a, there in plan.adapters],
        "ollama": {
            "tag": str(place.tag), "version": place.version, "action": place.action, "bytes": plan.ollama_bytes,
            "second_copy": place.second_copy,
        } if place else None,
        "disk_bytes": plan.disk_bytes, "kept_bytes": plan.kept_bytes, "disk_free": plan.disk_free,
        "memory_bytes": plan.memory_bytes, "encoder": plan.encoder,
    }  # fmt: skip


def _install_lines(plan: BundleInstallPlan) -> Iterator[str]:
    yield f"Base      {plan.base}  ({_BASE[plan.action]})"
    if plan.place is not None:
        yield from _place_lines(plan.place, plan.ollama_bytes)
    for adapter, there in plan.adapters:
        state = "installed already" if there else "new"
        yield f"Adapter   {adapter.ref}  ({state}; licence {adapter.licence})"
    if plan.encoder:
        yield "Encoder   the router's, which understands what questions mean"
    yield f"Licences  {', '.join(plan.licences)}"
    stays = "" if plan.kept_bytes == plan.disk_bytes else f", {megabytes(plan.kept_bytes)} of it to stay"
    yield f"Disk      {megabytes(plan.disk_bytes)} needed{stays}, {megabytes(plan.disk_free)} free"


def _place_lines(place: Place, size: int) -> Iterator[str]:
    how = {
        "make": "is made of the bundle's file",
        "make anew": "is made anew, for its file is damaged; `locoman sync` makes anew what stands on it",
        "use": "is there already",
    }
    more = f"; {megabytes(size)} more in Ollama" if size else ""
    yield f"Ollama    {place.version}: {place.tag} {how[place.action]}{more}"
    if place.second_copy:
        yield f"          and LOCOMAN_HOME keeps a second copy: {place.second_copy}"
    else:
        yield "          and its file there is used: LOCOMAN_HOME keeps no copy of it"
