from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from locoman.engines.host.guard import Guard, is_loopback, own_names
from locoman.errors import RequestRefused

LOCAL = Guard("owner", None)
EXPOSED = Guard("owner", "client", frozenset({"ai.school.example"}), exposed=True)


def status_of(guard: Guard, **headers: str) -> int:
    try:
        guard.check_caller(Headers(headers))
    except RequestRefused as error:
        return error.status
    return 200


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:80", "[::1]:8000", "localhost."])
def test_the_loopback_has_its_names(host: str) -> None:
    assert status_of(LOCAL, host=host) == status_of(EXPOSED, host=host) == 200


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1.evil.example", "[::", "localhost@evil.example"])
def test_names_that_a_foreign_page_could_have_are_refused(host: str) -> None:
    assert status_of(LOCAL, host=host) == status_of(EXPOSED, host=host) == 403


def test_only_an_exposed_server_goes_by_its_addresses_and_names() -> None:
    for host in ("192.168.1.5:11435", "[fe80::1]:11435", "ai.school.example"):
        assert status_of(EXPOSED, host=host) == 200
        assert status_of(LOCAL, host=host) == 403


def test_pages_of_this_machine_and_of_the_server_itself_may_ask() -> None:
    assert status_of(LOCAL, host="localhost:1", origin="http://localhost:3000") == 200
    assert status_of(EXPOSED, host="192.168.1.5:1", origin="http://192.168.1.5:3000") == 200
    assert status_of(EXPOSED, host="192.168.1.5:1", origin="https://ai.school.example") == 200


@pytest.mark.parametrize("origin", ["null", "", "https://evil.example", "http://192.168.1.6", "http://[::"])
def test_pages_from_elsewhere_may_not(origin: str) -> None:
    assert status_of(LOCAL, host="localhost", origin=origin) == 403
    assert status_of(EXPOSED, host="192.168.1.5", origin=origin) == 403


def test_clients_may_use_either_key_and_the_owner_only_its_own() -> None:
    for given in ("Bearer client", "bearer  client ", "Bearer owner"):
        EXPOSED.check_client(Headers({"authorization": given}))
    EXPOSED.check_owner(Headers({"authorization": "Bearer owner"}))
    for given in ("Bearer other", "Basic client", "client", "Bearer ", "Bearer clienté"):
        with pytest.raises(RequestRefused) as caught:
            EXPOSED.check_client(Headers({"authorization": given}))
        assert caught.value.status == 401
    with pytest.raises(RequestRefused):
        EXPOSED.check_owner(Headers({"authorization": "Bearer client"}))


def test_without_a_client_key_everybody_is_a_client_and_nobody_the_owner() -> None:
    LOCAL.check_client(Headers({}))
    with pytest.raises(RequestRefused):
        LOCAL.check_owner(Headers({}))


def test_what_the_loopback_is() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.5", "example.org", "")] == [False] * 5


def test_this_machine_has_a_name_in_its_network() -> None:
    assert any(name.endswith(".local") for name in own_names())
