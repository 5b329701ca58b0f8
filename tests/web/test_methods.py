"""`Allow` names the methods that an address answers, at every address (rfc9110 §10.2.1)."""

from dataclasses import replace

import pytest

from tests.factories import make_client
from tests.security.test_header_crawl import METHODS, addresses_of

pytestmark = pytest.mark.lengthy

CROSS_SITE = {"Origin": "https://spa.test", "Access-Control-Request-Method": "POST"}


@pytest.fixture
def settings(settings):
    """Apps register themselves."""
    return replace(settings, registration="open")


def allowed_by(response) -> set[str]:
    return set(response.headers["Allow"].split(", "))


def test_every_address_answers_the_methods_that_it_allows_and_no_other(app, http):
    for _, address in addresses_of(app):
        responses = {method: http.open(address, method=method) for method in METHODS}

        refused = {method for method, response in responses.items() if response.status_code == 405}
        # Nothing answers TRACE.
        allowed = allowed_by(responses["TRACE"])
        assert allowed == set(METHODS) - refused, address
        for method in refused:
            assert allowed_by(responses[method]) == allowed, (method, address)
        if "OPTIONS" in allowed:
            assert allowed_by(responses["OPTIONS"]) == allowed, address
        for response in responses.values():
            response.close()


def test_a_head_says_what_a_get_would_and_has_no_body(app, http):
    for _, address in addresses_of(app):
        if http.head(address).status_code == 405:
            continue
        with http.get(address) as got, http.head(address) as asked:
            assert (asked.status_code, asked.get_data()) == (got.status_code, b""), address
            assert asked.content_type == got.content_type, address


@pytest.mark.spec("rfc9700 2, THR-33")
def test_a_preflight_is_answered_only_where_options_is_allowed(app, http):
    make_client("spa", token_endpoint_auth_method="none", scope="openid account")
    for _, address in addresses_of(app):
        response = http.options(address, headers=CROSS_SITE)

        allowed = allowed_by(http.trace(address))
        named = response.headers.get("Access-Control-Allow-Methods")
        assert (response.status_code == 204) is (named is not None) is ("OPTIONS" in allowed), address
        assert named is None or set(named.split(", ")) == allowed, address
