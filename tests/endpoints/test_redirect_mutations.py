"""No mutation of a registered URI is redirected to, by whichever endpoint (URL-01 to URL-09)."""

import pytest

from tests.factories import make_session
from tests.protocol.test_redirect_uri import MUTATIONS
from tests.support.browsers import id_token_of, show_session
from tests.support.relying_party import RelyingParty

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.spec("URL-01 to URL-09, THR-10"),
]
REGISTERED = "https://rp.test/cb"
# What no form can carry is refused before anybody compares it.
SENT = [uri for uri in MUTATIONS if uri and not any("\ud800" <= letter <= "\udfff" for letter in uri)]


@pytest.fixture
def rp(app):
    return RelyingParty(app, redirect_uris=[REGISTERED], post_logout_redirect_uris=[REGISTERED])


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="a right request"),
        pytest.param({"response_type": "token"}, id="a wrong one"),
        pytest.param({"response_mode": "form_post", "prompt": "none"}, id="by form"),
    ],
)
def test_the_authorization_endpoint(signed_in, rp, more):
    assert "Location" in rp.authorize(signed_in, prompt="none login", redirect_uri=REGISTERED).headers
    for uri in SENT:
        response = rp.authorize(signed_in, redirect_uri=uri, **more)

        assert response.status_code == 400, uri
        assert "Location" not in response.headers, uri
        assert 'id="answer"' not in response.get_data(as_text=True), uri


def test_the_pushed_request_endpoint(rp):
    for uri in SENT:
        assert rp.post("/par", **rp.request(redirect_uri=uri)).status_code == 400, uri


def test_the_end_session_endpoint(http, rp, ada):
    for uri in SENT:
        made = make_session(ada, [rp.client])
        asked = {"id_token_hint": id_token_of(rp.client, made.grants["red"]), "post_logout_redirect_uri": uri}

        response = show_session(http, made).post("/session/end", data=asked)

        where = response.headers.get("Location", "")
        assert response.status_code in (303, 400), uri
        assert not where or where.startswith("/session/ended/"), (uri, where)
