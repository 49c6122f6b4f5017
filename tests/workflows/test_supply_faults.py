"""Seeded faults over update, adapter add and bundle install. (`scripts/bench supply` does 500.)"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from support.site import Site
from support.supply_faults import (
    ON_THE_WAY,
    STEP_KINDS,
    Supplied,
    fault_at_a_step,
    fault_in_the_bundle,
    fault_on_the_way,
    many,
    supplies,
)

AT_STEPS = 4
IN_BUNDLES = 4

Prepared = tuple[dict[str, Supplied], Site, Path]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    with supplies(tmp_path_factory.mktemp("supplies")) as found:
        yield found


def quiet(done: int) -> None:
    return


@pytest.mark.parametrize("name", ["update", "add", "bundle install"])
def test_a_fault_at_any_step_leaves_the_old_or_the_new_state(prepared: Prepared, name: str, tmp_path: Path) -> None:
    supplied = prepared[0][name]
    assert supplied.steps > 10
    jobs = [
        partial(
            fault_at_a_step,
            supplied,
            tmp_path / str(number),
            STEP_KINDS[number % len(STEP_KINDS)],
            random.Random(number),
        )
        for number in range(AT_STEPS)
    ]
    assert {outcome.state for outcome in many(jobs, quiet)} <= {"old", "new"}


def test_downloads_that_go_wrong_change_nothing_or_everything(prepared: Prepared, tmp_path: Path) -> None:
    operations, site, _ = prepared
    for number, kind in enumerate(ON_THE_WAY[:3]):
        fault_on_the_way(operations["update"], site, tmp_path / str(number), random.Random(number), (kind,))


def test_damaged_bundles_change_nothing_or_everything(prepared: Prepared, tmp_path: Path) -> None:
    operations, _, bundle = prepared
    supplied = operations["bundle install"]
    jobs = [
        partial(fault_in_the_bundle, supplied, bundle, tmp_path / str(number), random.Random(number))
        for number in range(IN_BUNDLES)
    ]
    many(jobs, quiet)
