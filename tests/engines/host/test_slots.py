from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from locoman.engines.host.slots import SlotTable, lora_list

OWNERS = st.sampled_from([None, "a", "b", "c", "d", "e"])


def test_an_owner_keeps_its_slot_and_finds_it_fresh_only_once() -> None:
    table = SlotTable(3)
    first = table.assign("a")
    table.assign(None)
    again = table.assign("a")
    assert first.fresh
    assert not again.fresh
    assert first.number == again.number


def test_with_too_few_slots_the_owner_not_seen_for_longest_gives_way() -> None:
    table = SlotTable(2)
    slot_a, slot_b = table.assign("a"), table.assign("b")
    table.assign("a")
    slot_c = table.assign("c")
    assert (slot_c.number, slot_c.fresh) == (slot_b.number, True)
    assert not table.assign("a").fresh
    assert table.assign("a").number == slot_a.number


@given(st.integers(1, 6), st.lists(OWNERS, max_size=60))
def test_a_slot_that_is_not_fresh_was_last_used_by_the_same_owner(count: int, owners: list[str | None]) -> None:
    table = SlotTable(count)
    last: dict[int, str | None] = {}
    for owner in owners:
        slot = table.assign(owner)
        assert 0 <= slot.number < count
        if not slot.fresh:
            assert last[slot.number] == owner
        last[slot.number] = owner


def test_every_adapter_is_named_and_only_the_active_one_is_on() -> None:
    off_on = [{"id": 0, "scale": 0.0}, {"id": 1, "scale": 0.5}]
    assert lora_list(("a", "b"), "b", 0.5) == off_on
    assert lora_list(("a", "b"), None, 1.0) == [{"id": 0, "scale": 0.0}, {"id": 1, "scale": 0.0}]
