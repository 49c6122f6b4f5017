from __future__ import annotations

from pathlib import Path

import pytest

from locoman.contracts import ServedAdapter
from locoman.engines.host.lineup import lora_list, owner_of
from locoman.engines.host.plan import LaunchPlan, PlannedFile

PLAN = LaunchPlan(PlannedFile("m", 1, 1), "", 10, 10, 1, 1, (PlannedFile("a", 1, 1), PlannedFile("b", 1, 1)))


def test_every_adapter_is_named_and_only_the_active_one_is_on() -> None:
    assert lora_list(PLAN, ("b", 0.5)) == [{"id": 0, "scale": 0.0}, {"id": 1, "scale": 0.5}]
    assert lora_list(PLAN, None) == [{"id": 0, "scale": 0.0}, {"id": 1, "scale": 0.0}]


@pytest.mark.parametrize("adapter", [None, ServedAdapter("polite", "1.0.0", None, system="Be polite.")])
def test_who_has_no_weights_shares_the_slots_of_the_base(adapter: ServedAdapter | None) -> None:
    assert owner_of(adapter) is None


def test_another_scale_is_another_owner() -> None:
    weights = Path("a.gguf")
    assert owner_of(ServedAdapter("a", "1.0.0", weights)) != owner_of(ServedAdapter("a", "1.0.0", weights, 0.5))
