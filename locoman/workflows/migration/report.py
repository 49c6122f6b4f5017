"""Gathers what the report of a change of base shows."""

from __future__ import annotations

import hashlib

from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.errors import InvalidFile, StoreError, WrongPhase
from locoman.evaluation.selection.evidence import read_evaluation
from locoman.evaluation.selection.report import evaluation_sections
from locoman.migration.report import AdapterRow, BaseFacts, migration_report
from locoman.names import BaseRef
from locoman.reporting.report import Report, Section
from locoman.sizes import megabytes
from locoman.store.home import Home
from locoman.store.migrations import Migration
from locoman.store.registry import load_registry
from locoman.workflows.migration import verdicts
from locoman.workflows.migration.places import journal_of
from locoman.workflows.migration.verdicts import Checked


def build_migration_report(home: Home, shelf: Shelf) -> Report:
    """Of the change that goes on, else of the last one. Raises WrongPhase (there never was any), UnknownName, InvalidFile."""
    registry = load_registry(home.registry)
    migration = registry.last_migration
    if migration is None:
        raise WrongPhase("report", "", "locoman migrate announce BASE")
    checked = verdicts.read_all(journal_of(home, migration), registry, migration)
    rows = [_row(item, migration) for item in checked]
    old, new = (_facts(shelf.spec(BaseRef(name))) for name in (migration.old, migration.new))
    return migration_report(migration, rows, old, new, _evaluated(home, migration))


def _evaluated(home: Home, migration: Migration) -> tuple[Section, ...]:
    """The five steps' results, of the newest evaluation of bases in which the new one took part; () without any."""
    paths = sorted(home.evals.glob("bases/*/evaluation.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in paths:
        try:
            found = read_evaluation(path)
        except (InvalidFile, StoreError):
            continue
        if migration.new in found.ranking.order:
            return tuple(Section(f"Evaluation: {each.title}", each.blocks) for each in evaluation_sections(found))
    return ()


def _row(item: Checked, migration: Migration) -> AdapterRow:
    return AdapterRow(
        name=item.adapter.name,
        word=item.word,
        fate=item.fate,
        verdict=item.verdict,
        command=verdicts.retrain_command(item.adapter, migration) if item.to_retrain else "",
    )


def _facts(spec: BaseSpec) -> BaseFacts:
    known = spec.spec
    template = hashlib.sha256(spec.chat_template().encode()).hexdigest()[:12]
    return BaseFacts(
        spec.ref.name,
        (
            ("title", known.title),
            ("architecture", known.architecture),
            ("parameters", f"{known.parameter_count:,}"),
            ("licence", known.licence),
            ("quantization", known.runtime.quantization),
            ("context, tokens", f"{known.runtime.context:,}"),
            ("disk", megabytes(known.runtime.disk_bytes or known.runtime.download_bytes)),
            ("memory", megabytes(known.runtime.memory_bytes)),
            ("stop", ", ".join(known.template.stop)),
            ("chat template, sha256", template),
            ("fingerprint", known.fingerprint or "unknown"),
        ),
    )
