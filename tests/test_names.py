from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locoman.errors import InvalidName
from locoman.names import AUTO, BASE, AdapterRef, BaseRef, ModelName, Version, nearest

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True).filter(
    lambda name: name not in {"auto", "base", "con", "prn", "aux", "nul"} and not name.startswith(("com", "lpt"))
)
VERSIONS = st.builds(Version, *[st.integers(0, 999)] * 3)


@given(NAMES, st.none() | VERSIONS)
def test_an_adapter_ref_prints_back_what_was_typed(name: str, version: Version | None) -> None:
    ref = AdapterRef(name, version)
    assert AdapterRef.parse(str(ref)) == ref


@given(st.sampled_from(["auto", "base"]) | NAMES, st.none() | NAMES)
def test_a_model_name_prints_back_what_was_typed(target: str, base: str | None) -> None:
    text = target if base is None else f"{base}/{target}"
    assert str(ModelName.parse(text)) == text


def test_auto_and_base_are_words_of_their_own() -> None:
    assert ModelName.parse("auto") == AUTO
    assert ModelName.parse("base") == BASE
    assert ModelName.parse("loco-tiny/words@1.0.0").base == BaseRef("loco-tiny")


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a/b/c", "A", "a b", "con", "aux.txt", "-a", "a-", "a..b", "auto", "a" * 65, "é", "a\n", "../x"],
)
def test_what_could_harm_a_file_system_is_no_name(text: str) -> None:
    with pytest.raises(InvalidName):
        AdapterRef.parse(text)


@pytest.mark.parametrize("text", ["1", "1.2", "1.2.3.4", "01.2.3", "v1.2.3", "1.2.x", "9999999999.0.0"])
def test_a_version_has_three_plain_numbers(text: str) -> None:
    with pytest.raises(InvalidName):
        Version.parse(text)


def test_versions_compare_as_numbers() -> None:
    assert Version.parse("1.10.0") > Version.parse("1.9.9")


def test_the_nearest_name_comes_first() -> None:
    assert nearest("arithmetc", ["words", "arithmetic", "dates"])[0] == "arithmetic"
