"""A code that was used already: its second use ends what it gave, unless only the code is presented."""

import pytest

from tests.endpoints.test_token import tags
from tests.support.prover import Prover
from tests.support.relying_party import VERIFIER, RelyingParty

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.spec("core 10, rfc6749 §4.1.2")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"code_verifier": VERIFIER[:-1] + "x"}, id="a wrong verifier"),
        pytest.param({"code_verifier": None}, id="no verifier"),
        pytest.param({"code_verifier": "short"}, id="a malformed verifier"),
        pytest.param({"redirect_uri": "https://evil.test/callback"}, id="another redirect URI"),
        pytest.param({"redirect_uri": None}, id="no redirect URI"),
        pytest.param({"resource": "https://unknown.test/"}, id="an unknown resource"),
    ],
)
@pytest.mark.parametrize("public", [True, False])
def test_a_used_code_alone_ends_nothing(app, signed_in, changes, public):
    """The attack: a code seen in a log or a history, presented without its verifier."""
    rp = RelyingParty(app, public=public)
    code = rp.code(signed_in)
    tokens = rp.exchange(code).json

    assert rp.exchange(code, **changes).status_code == 400

    assert rp.userinfo(tokens["access_token"]).status_code == 200
    assert "code_replayed" not in tags()
    # With everything that belongs to it, it is a replay all the same.
    assert rp.exchange(code).json["error"] == "invalid_grant"
    assert rp.userinfo(tokens["access_token"]).status_code == 401
    assert rp.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


@pytest.mark.spec("rfc9449 3")
def test_a_used_code_ends_nothing_without_the_key_that_it_is_bound_to(app, signed_in):
    rp, ours, thiefs = RelyingParty(app, public=True), Prover(), Prover()
    code = rp.code(signed_in, dpop_jkt=ours.jkt)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": rp.redirect_uri}
    form |= {"code_verifier": VERIFIER, "client_id": "red"}
    tokens = rp.http.post("/token", data=form, headers={"DPoP": ours.proof()}).json

    for headers in ({}, {"DPoP": thiefs.proof()}):
        assert rp.http.post("/token", data=form, headers=headers).status_code == 400

    shown = rp.http.get("/userinfo", headers=ours.show(tokens["access_token"]))
    assert shown.status_code == 200
