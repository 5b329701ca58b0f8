"""Client authentication, and its failures (rfc6749 §2.3, rfc7523, THR-27, THR-42)."""

import base64
from urllib.parse import quote_plus

import pytest

from tests.factories import secret_of
from tests.support.relying_party import RelyingParty


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = f"{client_id}:{secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def ask(rp: RelyingParty, headers=None, **form):
    return rp.http.post("/introspect", headers=headers, data={"token": "cfa_x"} | form)


@pytest.mark.spec("core 20")
def test_each_client_has_the_one_method_that_it_registered(app):
    red = RelyingParty(app, "red")
    blue = RelyingParty(app, "blue", token_endpoint_auth_method="client_secret_post")
    post = {"client_id": "blue", "client_secret": secret_of("blue")}

    assert ask(red, basic("red", secret_of("red"))).status_code == 200
    assert ask(blue, **post).status_code == 200
    assert ask(blue, basic("blue", secret_of("blue"))).status_code == 401
    assert ask(red, client_id="red", client_secret=secret_of("red")).status_code == 401


def test_without_a_chosen_method_a_secret_may_come_either_way_but_not_both(app):
    red = RelyingParty(app, "red", settings={"any_secret_method": True})
    post = {"client_id": "red", "client_secret": secret_of("red")}

    assert ask(red, basic("red", secret_of("red"))).status_code == 200
    assert ask(red, **post).status_code == 200
    assert ask(red, **post | {"client_secret": "wrong"}).status_code == 401
    assert ask(red, client_id="red").status_code == 401
    both = ask(red, basic("red", secret_of("red")), **post)
    assert (both.status_code, both.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(basic("red", "wrong"), id="a wrong secret"),
        pytest.param(basic("red", ""), id="no secret"),
        pytest.param(basic("nobody", "wrong"), id="an unknown client"),
        pytest.param(basic("green", secret_of("red")), id="another client's name"),
        pytest.param({"Authorization": "Basic ***"}, id="no base64"),
        pytest.param({"Authorization": "Basic /w=="}, id="no text"),
        pytest.param({"Authorization": "Basic"}, id="nothing at all"),
        pytest.param({"Authorization": "Bearer cfa_x"}, id="another scheme"),
        pytest.param({}, id="no proof"),
    ],
)
def test_every_failure_looks_the_same(app, headers):
    red = RelyingParty(app, "red")

    response = ask(red, headers)

    assert (response.status_code, response.json["error"]) == (401, "invalid_client")
    assert response.json["error_description"] == "client authentication failed"
    assert response.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.spec("rfc6749 §2.3")
def test_one_proof_is_enough_and_two_are_too_many(app):
    red = RelyingParty(app, "red")

    twice = ask(red, basic("red", secret_of("red")), client_secret=secret_of("red"))
    for_two = ask(red, basic("red", secret_of("red")), client_id="green")

    assert (twice.status_code, twice.json["error"]) == (400, "invalid_request")
    assert (for_two.status_code, for_two.json["error"]) == (400, "invalid_request")


@pytest.mark.spec("rfc6749 §2.3.1")
def test_identifier_and_secret_may_be_encoded_as_in_a_form(app):
    red = RelyingParty(app, "red+green", port=4711)
    secret = secret_of("red+green")

    assert ask(red, basic(quote_plus("red+green"), quote_plus(secret))).status_code == 200
    assert ask(red, basic(quote_plus("red+green"), secret)).status_code == 200


def test_a_public_client_cannot_pretend_to_prove_itself(app):
    blue = RelyingParty(app, "blue", public=True)
    form = {"token": "cfr_x", "client_id": "blue"}

    assert blue.http.post("/revoke", data=form).status_code == 200
    assert blue.http.post("/revoke", data=form | {"client_secret": "x"}).status_code == 401
    assert blue.http.post("/revoke", data=form, headers=basic("blue", "x")).status_code == 401
