"""A self-registered app's slow host holds few of the threads by which people sign in (THR-41)."""

from contextlib import ExitStack

import pytest

from provider.clients import queries
from provider.infrastructure.database import end_read, transaction
from provider.oauth.strangers_hosts import MOST_AT_ONCE, seat_for
from tests.security.test_impossible_names import ASSERTION_TYPE, unsigned
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
# Nobody listens there, so what is asked for is known at once not to be had.
NOWHERE = "https://127.0.0.1:9"


@pytest.fixture
def apps(app):
    """One app of the operator's, and one that registered itself."""
    made = {
        "jwks_uri": f"{NOWHERE}/keys",
        "request_uris": [f"{NOWHERE}/request"],
        "token_endpoint_auth_method": "private_key_jwt",
    }
    ours, stranger = RelyingParty(app, "ours", **made), RelyingParty(app, "stranger", **made)
    with transaction():
        queries.get_by_client_id("stranger").self_registered = True
    return ours, stranger


def ask_with_assertion(rp, _http):
    proof = {
        "client_assertion": unsigned(iss=rp.client_id, sub=rp.client_id),
        "client_assertion_type": ASSERTION_TYPE,
    }
    return rp.http.post("/introspect", data=proof | {"token": "x"}).json["error"]


def ask_with_request_uri(rp, http):
    asked = {"client_id": rp.client_id, "request_uri": f"{NOWHERE}/request"}
    shown = http.get("/authorize", query_string=asked).get_data(as_text=True)
    return next(code for code in ("temporarily_unavailable", "invalid_request_uri") if code in shown)


@pytest.mark.parametrize(
    ("ask", "usual"),
    [
        pytest.param(ask_with_assertion, "invalid_client", id="for its keys"),
        pytest.param(ask_with_request_uri, "invalid_request_uri", id="for its request"),
    ],
)
def test_few_threads_wait_for_hosts_of_strangers(apps, http, ask, usual):
    ours, stranger = apps
    with ExitStack() as waiting:
        held = queries.get_by_client_id("stranger")
        end_read()
        for _ in range(MOST_AT_ONCE):
            waiting.enter_context(seat_for(held))

        assert ask(stranger, http) == "temporarily_unavailable"
        assert ask(ours, http) == usual

    assert ask(stranger, http) == usual
