"""Hosts of self-registered apps that do not answer hold few threads and delay no other app (THR-41)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from provider.clients import queries
from provider.infrastructure import current
from provider.infrastructure.database import transaction
from provider.oauth.client_proof import keys as client_keys
from tests.infrastructure.outbound_servers import Server, answering
from tests.pages.test_logo import PNG, sent
from tests.security.test_assertions import PUBLIC, assertion, present
from tests.security.test_impossible_names import ASSERTION_TYPE, unsigned
from tests.support.hanging_hosts import HangingHosts, hanging_hosts
from tests.support.key_server import Published, published
from tests.support.registering import SMALLEST
from tests.support.relying_party import RelyingParty
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.usefixtures("signing_keys"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
ATTACKER, NEIGHBOUR = "network:192.0.2.66", "network:192.0.2.9"
ATTACKS = 8
# What is asked for there is known at once not to be had: the provider has called.
UNREACHABLE = "https://127.0.0.1:9/"


@pytest.fixture
def settings(settings):
    return replace(settings, registration="open")


def self_registered(app, client_id: str, registrant: str | None, **made) -> RelyingParty:
    """An app that registered itself, or one of the operator's."""
    rp = RelyingParty(app, client_id, **made)
    with transaction():
        client = queries.get_by_client_id(client_id)
        client.self_registered, client.registrant = registrant is not None, registrant
    return rp


class Keys:
    """Client authentication by keys that the app publishes."""

    def hang(self, app, hosts: HangingHosts, number: int, host: int, registrant: str):
        made = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": hosts.url(host, f"/{number}")}
        rp = self_registered(app, f"attacker-{number}", registrant, **made)
        proof = {
            "client_assertion": unsigned(iss=rp.client_id, sub=rp.client_id),
            "client_assertion_type": ASSERTION_TYPE,
        }
        return lambda: rp.http.post("/introspect", data=proof | {"token": "x"})

    def is_served(self, app, registrant: str | None) -> bool:
        with published(PUBLIC) as keys:
            made = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": keys.uri}
            return present(self_registered(app, "green", registrant, **made), assertion()).status_code == 200


class RequestObjects:
    """Authorization requests that lie at an address of the app's."""

    def hang(self, app, hosts: HangingHosts, number: int, host: int, registrant: str):
        uri = hosts.url(host, f"/{number}")
        rp = self_registered(app, f"attacker-{number}", registrant, request_uris=[uri])
        return lambda: self._ask(rp, uri)

    def is_served(self, app, registrant: str | None) -> bool:
        rp = self_registered(app, "green", registrant, request_uris=[UNREACHABLE])
        return "invalid_request_uri" in self._ask(rp, UNREACHABLE).get_data(as_text=True)

    def _ask(self, rp, uri: str):
        return rp.http.get("/authorize", query_string={"client_id": rp.client_id, "request_uri": uri})


class Logos:
    """Logos, which the provider fetches for people's browsers."""

    def hang(self, app, hosts: HangingHosts, number: int, host: int, registrant: str):
        made = {"logo_uri": hosts.url(host, f"/{number}"), "redirect_uris": [hosts.url(host, "/callback")]}
        rp = self_registered(app, f"attacker-{number}", registrant, **made)
        return lambda: rp.http.get(f"/apps/{rp.client_id}/logo")

    def is_served(self, app, registrant: str | None) -> bool:
        with Server(answering(sent(PNG))) as server:
            made = {"logo_uri": server.url("/logo"), "redirect_uris": [server.url("/callback")]}
            rp = self_registered(app, "green", registrant, **made)
            return rp.http.get("/apps/green/logo").status_code == 200


class Sectors:
    """Sector documents, which are read when an app registers itself."""

    def hang(self, app, hosts: HangingHosts, number: int, host: int, registrant: str):
        http = app.test_client()
        asked = SMALLEST | {"sector_identifier_uri": hosts.url(host, f"/{number}")}
        return lambda: self._register(http, asked, registrant)

    def is_served(self, app, registrant: str | None) -> bool:
        response = self._register(
            app.test_client(), SMALLEST | {"sector_identifier_uri": UNREACHABLE}, registrant
        )
        return "cannot be read" in response.json["error_description"]

    def _register(self, http, asked, registrant: str | None):
        address = (registrant or NEIGHBOUR).removeprefix("network:")
        return http.post("/register", json=asked, environ_base={"REMOTE_ADDR": address})


KINDS = pytest.mark.parametrize(
    "kind", [Keys(), RequestObjects(), Logos(), Sectors()], ids=lambda k: type(k).__name__
)


@dataclass
class Siege:
    hosts: HangingHosts
    statuses: list[int]
    refused: int = 0


@contextmanager
def besieged(app, kind, place: Callable[[int], tuple[int, str]]) -> Iterator[Siege]:
    """As many requests as there are attacks, each of an app of its own at a host and of a registrant.

    Each either waits at its host or has been answered without.
    """
    with hanging_hosts() as hosts:
        siege = Siege(hosts, [])
        asks = [kind.hang(app, hosts, number, *place(number)) for number in range(ATTACKS)]
        threads = [
            threading.Thread(target=lambda ask=ask: siege.statuses.append(ask().status_code)) for ask in asks
        ]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: hosts.held + len(siege.statuses) >= ATTACKS)
            siege.refused = len(siege.statuses)
            yield siege
        finally:
            hosts.release()
            for thread in threads:
                thread.join()


@KINDS
def test_all_hanging_hosts_of_one_registrant_hold_two_threads(app, kind):
    with besieged(app, kind, lambda number: (number + 1, ATTACKER)) as siege:
        assert siege.hosts.held <= 2
        assert kind.is_served(app, NEIGHBOUR)


@KINDS
def test_one_hanging_host_of_many_registrants_holds_three_threads(app, kind):
    with besieged(app, kind, lambda number: (66, f"network:192.0.2.{100 + number}")) as siege:
        assert siege.hosts.held <= 3
        assert kind.is_served(app, NEIGHBOUR)


@pytest.mark.parametrize("kind", [Keys(), Logos()])
def test_the_operators_apps_are_served_while_other_hosts_hang(app, kind):
    with besieged(app, kind, lambda number: (number + 1, f"network:192.0.2.{100 + number}")) as siege:
        assert siege.refused > 0
        assert kind.is_served(app, None)


class TestStaleKeys:
    """While a host hangs, the keys that it published last are used, within a bound."""

    @pytest.fixture
    def keys(self) -> Iterator[Published]:
        with published(PUBLIC) as what:
            yield what

    @pytest.fixture
    def green(self, app, keys) -> RelyingParty:
        made = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": keys.uri}
        green = self_registered(app, "green", NEIGHBOUR, **made)
        assert present(green, assertion(jti="first")).status_code == 200
        return green

    def test_they_are_used_and_one_request_looks(self, green, keys, turned_clock):
        turned_clock.turn(timedelta(minutes=6))
        with keys.hanging():
            responses = [
                present(green, assertion(jti=f"hanging {number}")).status_code for number in range(3)
            ]

        assert responses == [200] * 3
        assert len(keys.asked) == 2

    def test_beyond_the_bound_they_let_no_client_in(self, app, green, turned_clock):
        turned_clock.turn(timedelta(minutes=31))
        with besieged(app, Keys(), lambda number: (number + 1, NEIGHBOUR)):
            assert present(green, assertion(jti="too late")).status_code == 503

    def test_they_prove_nothing_once_others_are_published(self, green, keys, turned_clock):
        turned_clock.turn(timedelta(minutes=6))
        keys.publish({"keys": []})

        assert present(green, assertion(jti="withdrawn")).status_code == 401

    def test_they_are_used_while_all_slots_are_taken(self, app, green, keys, turned_clock):
        turned_clock.turn(timedelta(minutes=6))
        with besieged(app, Keys(), lambda number: (number + 1, NEIGHBOUR)):
            assert present(green, assertion(jti="crowded")).status_code == 200
        assert len(keys.asked) == 1


def test_one_registrants_many_addresses_push_no_others_keys_out(app):
    current.services().memo["client-keys"] = client_keys.FetchedKeys(most=4)
    with published(PUBLIC) as keys, published({"keys": []}) as many:
        made = {"token_endpoint_auth_method": "private_key_jwt"}
        green = self_registered(app, "green", NEIGHBOUR, jwks_uri=keys.uri, **made)
        assert present(green, assertion(jti="before")).status_code == 200
        for number in range(6):
            uri = f"{many.uri}/{number}"
            rp = self_registered(app, f"attacker-{number}", ATTACKER, jwks_uri=uri, **made)
            present(rp, unsigned(iss=rp.client_id, sub=rp.client_id))

        assert present(green, assertion(jti="after")).status_code == 200

    assert len(many.asked) == 6
    assert len(keys.asked) == 1
