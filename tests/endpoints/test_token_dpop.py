"""Tokens that work only with a key (rfc9449): at the token endpoint and where they are shown."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from provider.infrastructure.database import db
from provider.protocol.grant_types import DEVICE_CODE
from provider.tokens.models import AccessToken, RefreshToken, UsedProof
from provider.worker.pruning import prune
from tests.support.browsers import query_of
from tests.support.device import Device, answer
from tests.support.prover import Holder, Prover
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CLIENTS = {
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "scope": "openid read",
}


@pytest.fixture
def holder(app) -> Holder:
    return Holder(app, "red")


def rows(model) -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.spec("rfc9449 2")
def test_a_proof_binds_the_access_token_to_its_key(signed_in, holder):
    tokens = holder.sign_in(signed_in)

    said = holder.introspect(tokens["access_token"])
    assert tokens["token_type"] == "DPoP"
    assert (said["token_type"], said["cnf"]) == ("DPoP", {"jkt": holder.prover.jkt})
    assert holder.userinfo(tokens["access_token"]).status_code == 200


@pytest.mark.spec("rfc9449 3")
@pytest.mark.parametrize(
    ("headers", "error"),
    [
        pytest.param(lambda h, t: {"Authorization": f"Bearer {t}"}, "invalid_token", id="as a bearer's"),
        pytest.param(
            lambda h, t: h.prover.show(t) | {"Authorization": f"Bearer {t}"},
            "invalid_token",
            id="as a bearer's, though with a proof",
        ),
        pytest.param(lambda h, t: {"Authorization": f"DPoP {t}"}, "invalid_dpop_proof", id="without a proof"),
        pytest.param(lambda h, t: Prover().show(t), "invalid_token", id="with another key"),
        pytest.param(
            lambda h, t: h.prover.show(t) | {"DPoP": h.prover.proof("/userinfo", "GET")},
            "invalid_dpop_proof",
            id="with a proof that says nothing of the token",
        ),
        pytest.param(
            lambda h, t: h.prover.show(t, "/token"), "invalid_dpop_proof", id="with a proof for elsewhere"
        ),
        pytest.param(
            lambda h, t: h.prover.show(t, method="POST"), "invalid_dpop_proof", id="for another method"
        ),
        pytest.param(lambda h, t: h.prover.show("cfa_unknown"), "invalid_token", id="an unknown token"),
    ],
)
@ONE_DATABASE
def test_a_bound_token_is_nothing_without_a_proof_for_this_request(signed_in, holder, headers, error):
    token = holder.sign_in(signed_in)["access_token"]
    shown = headers(holder, token)

    response = holder.http.get("/userinfo", headers=shown)

    assert (response.status_code, response.json["error"]) == (401, error)
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith(shown["Authorization"].partition(" ")[0])
    assert ('algs="ES256 PS256 Ed25519 EdDSA"' in challenge) == challenge.startswith("DPoP")


@pytest.mark.spec("rfc9449 1")
def test_a_proof_works_once(signed_in, holder):
    token = holder.sign_in(signed_in)["access_token"]
    shown = holder.prover.show(token)

    assert holder.http.get("/userinfo", headers=shown).status_code == 200
    again = holder.http.get("/userinfo", headers=shown)
    assert (again.status_code, again.json["error"]) == (401, "invalid_dpop_proof")


def test_a_proof_that_was_used_asks_for_no_second_code(signed_in, holder):
    proof = holder.prover.proof()
    code, other = holder.code(signed_in), holder.code(signed_in)

    assert holder.exchange(code, proof=proof).status_code == 200
    refused = holder.exchange(other, proof=proof)

    assert (refused.status_code, refused.json["error"]) == (400, "invalid_dpop_proof")
    assert holder.exchange(other).status_code == 200


def test_nothing_is_kept_of_an_unknown_client_that_shows_proofs(signed_in, holder):
    token = holder.sign_in(signed_in)["access_token"]
    kept = rows(UsedProof)

    for _ in range(3):
        holder.http.get("/userinfo", headers=Prover().show(token))
        holder.http.get("/userinfo", headers=Prover().show("cfa_unknown"))

    assert rows(UsedProof) == kept


def test_a_used_proof_is_forgotten_when_its_time_is_over(signed_in, holder, turned_clock):
    holder.sign_in(signed_in)
    assert rows(UsedProof) == 1

    turned_clock.turn(timedelta(minutes=12))
    prune()

    assert rows(UsedProof) == 0


def test_a_token_that_is_bound_to_nothing_cannot_be_shown_with_a_proof(signed_in, holder):
    token = holder.exchange(holder.code(signed_in), proof="").json

    assert token["token_type"] == "Bearer"
    assert holder.userinfo(token["access_token"]).json["error"] == "invalid_token"


@pytest.mark.spec("rfc9449 2")
def test_a_client_that_registered_it_gets_no_token_without_a_proof(app, signed_in):
    red = Holder(app, "red", dpop_bound_access_tokens=True, **CLIENTS)
    code = red.code(signed_in, scope="openid")

    refused = [
        red.exchange(code, proof=""),
        red.post("/token", grant_type="client_credentials", proof=""),
    ]
    tokens = red.exchange(code).json
    refused.append(red.refresh(tokens["refresh_token"], proof=""))

    assert [response.status_code for response in refused] == [400] * 3
    assert {response.json["error"] for response in refused} == {"invalid_request"}
    assert red.refresh(tokens["refresh_token"]).json["token_type"] == "DPoP"
    assert red.post("/token", grant_type="client_credentials").json["token_type"] == "DPoP"


@pytest.mark.parametrize(
    ("proof", "error"),
    [
        pytest.param(lambda p: p.proof("/userinfo"), "invalid_dpop_proof", id="for another address"),
        pytest.param(lambda p: "x", "invalid_dpop_proof", id="garbage"),
        pytest.param(lambda p: f"{p.proof()},{p.proof()}", "invalid_dpop_proof", id="two of them"),
    ],
)
@ONE_DATABASE
def test_a_wrong_proof_costs_the_client_nothing_but_the_request(signed_in, holder, proof, error):
    code = holder.code(signed_in)

    refused = holder.exchange(code, proof=proof(holder.prover))

    assert (refused.status_code, refused.json["error"]) == (400, error)
    assert holder.exchange(code).status_code == 200


@pytest.mark.spec("rfc9449 3")
@ONE_DATABASE
def test_a_code_that_was_asked_for_with_a_key_is_for_its_holder_alone(signed_in, holder):
    code = holder.code(signed_in, dpop_jkt=holder.prover.jkt)

    others = [holder.exchange(code, proof=Prover().proof()), holder.exchange(code, proof="")]

    assert [response.json["error"] for response in others] == ["invalid_grant"] * 2
    assert holder.exchange(code).status_code == 200


@pytest.mark.spec("rfc9449 2")
def test_a_public_clients_refresh_token_is_bound_to_its_key(app, signed_in):
    blue = Holder(app, "blue", public=True)
    tokens = blue.sign_in(signed_in)

    stolen = [
        blue.refresh(tokens["refresh_token"], proof=Prover().proof()),
        blue.refresh(tokens["refresh_token"], proof=""),
    ]
    refreshed = blue.refresh(tokens["refresh_token"]).json
    stolen.append(blue.refresh(tokens["refresh_token"], proof=Prover().proof()))

    assert [response.json["error"] for response in stolen] == ["invalid_grant"] * 3
    # DEC-10: only the holder could repeat it, and a thief's attempt ends nothing.
    again = blue.refresh(tokens["refresh_token"]).json
    assert again["refresh_token"] == refreshed["refresh_token"]
    assert blue.refresh(refreshed["refresh_token"], proof="").json["error"] == "invalid_grant"
    assert blue.refresh(refreshed["refresh_token"]).status_code == 200


@pytest.mark.spec("rfc9449 2")
def test_a_confidential_clients_refresh_token_is_bound_by_its_authentication(signed_in, holder):
    tokens = holder.sign_in(signed_in)
    holder.prover = Prover()

    refreshed = holder.refresh(tokens["refresh_token"]).json

    assert holder.introspect(refreshed["access_token"])["cnf"] == {"jkt": holder.prover.jkt}
    end_read()
    assert set(db.session.scalars(select(RefreshToken.cnf))) == {None}


def test_without_a_proof_nothing_is_asked_and_nothing_kept(app, signed_in, statements):
    rp = RelyingParty(app, "red")
    token = rp.sign_in(signed_in)["access_token"]

    with statements() as seen:
        assert rp.userinfo(token).status_code == 200

    assert len(seen) <= 3, seen
    assert rows(UsedProof) == 0
    end_read()
    assert db.session.scalars(select(AccessToken.cnf)).all() == [None]


@ONE_DATABASE
def test_the_account_api_takes_a_bound_token_from_its_holder(app, signed_in):
    red = Holder(app, "red", scope="openid account")
    token = red.exchange(query_of(red.authorize(signed_in, scope="openid account"))["code"]).json[
        "access_token"
    ]
    path = "/account/sign-out-everywhere"
    as_bearer = {"Authorization": f"Bearer {token}"}

    assert red.http.get(path, headers=as_bearer).status_code == 401
    assert red.http.post(path, headers=as_bearer).status_code == 401
    assert red.http.get(path, headers=red.prover.show(token, path)).status_code == 200
    done = red.http.post(path, headers=red.prover.show(token, path, "POST"))
    again = red.http.post(path, headers=red.prover.show(token, path, "POST"))
    assert (done.status_code, again.status_code) == (200, 200)
    assert done.json == again.json
    # A dead token that was bound proves nothing more than a live one without the key.
    assert red.http.post(path, headers=as_bearer).status_code == 401


@ONE_DATABASE
def test_a_proof_costs_one_statement_wherever_it_comes(signed_in, holder, statements):
    code = holder.code(signed_in)
    with statements() as exchange:
        tokens = holder.exchange(code).json
    with statements() as refresh:
        holder.refresh(tokens["refresh_token"])
    with statements() as shown:
        assert holder.userinfo(tokens["access_token"]).status_code == 200

    assert len(exchange) <= 9 + 1, exchange
    assert len(refresh) <= 7 + 1, refresh
    assert len(shown) <= 3 + 1, shown


@pytest.mark.spec("rfc9449 2")
@ONE_DATABASE
def test_a_device_is_bound_to_its_key_like_any_public_client(app, story):
    tv, prover = Device(app), Prover()

    def poll(code, proof):
        form = {"grant_type": DEVICE_CODE, "device_code": code, "client_id": "tv"}
        return tv.http.post("/token", data=form, headers={"DPoP": proof})

    begun = tv.begin()
    assert answer(begun["user_code"], story.made)
    refused = poll(begun["device_code"], "x")
    tokens = poll(begun["device_code"], prover.proof()).json

    assert refused.json["error"] == "invalid_dpop_proof"
    assert tokens["token_type"] == "DPoP"
    assert tv.http.get("/userinfo", headers=prover.show(tokens["access_token"])).status_code == 200
    assert tv.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
