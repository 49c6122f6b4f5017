from __future__ import annotations

import pytest

from locoman.errors import MissingPrerequisite, UsageError
from locoman.workflows.serve import plan_serving

KEY = "k" * 20


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_alone_no_key_is_needed(host: str) -> None:
    assert plan_serving(host, 11435, "", new_key=False).key == ""
    assert plan_serving(host, 11435, "short", new_key=False).key == "short"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "school.example"])
def test_on_a_network_a_key_is_needed_and_must_not_be_guessed(host: str) -> None:
    with pytest.raises(MissingPrerequisite, match="a key is needed") as caught:
        plan_serving(host, 11435, "", new_key=False)
    assert caught.value.remedy == f"locoman serve --host {host} --new-key"
    with pytest.raises(UsageError, match="at least 16"):
        plan_serving(host, 11435, "short", new_key=False)
    assert plan_serving(host, 11435, KEY, new_key=False).key == KEY


def test_new_keys_are_long_and_never_the_same() -> None:
    keys = {plan_serving("0.0.0.0", 0, "", new_key=True).key for _ in range(20)}
    assert len(keys) == 20
    assert min(map(len, keys)) >= 32


@pytest.mark.parametrize("key", ["with space" * 3, "naïve" * 5, "line\nbreak" * 3])
def test_a_key_must_fit_into_a_header(key: str) -> None:
    with pytest.raises(UsageError, match="ASCII"):
        plan_serving("127.0.0.1", 1, key, new_key=False)


def test_a_key_is_given_or_made() -> None:
    with pytest.raises(UsageError, match="not both"):
        plan_serving("127.0.0.1", 1, KEY, new_key=True)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_is_a_port(port: int) -> None:
    with pytest.raises(UsageError, match="port"):
        plan_serving("127.0.0.1", port, "", new_key=False)
