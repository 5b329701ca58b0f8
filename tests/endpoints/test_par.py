"""`/par` (rfc9126): a request is pushed by the client itself, and the browser carries its name alone."""

import time
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import select

from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import digest_of, new_handle
from provider.interactions.models import Interaction
from provider.tokens.models import AuthorizationCode
from provider.worker.pruning import prune
from tests.factories import secret_of
from tests.support.browsers import ISSUER, Page, follow, query_of
from tests.support.relying_party import CHALLENGE, RelyingParty, press, type_password

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
URN = "urn:ietf:params:oauth:request_uri:"


def push(rp, **changes):
    """Push a request as the client itself; its authentication says which client it is."""
    return rp.post("/par", **rp.request(**changes))


def pushed(rp, **changes) -> str:
    response = push(rp, **changes)
    assert response.status_code == 201, response.get_data(as_text=True)
    return response.json["request_uri"]


def open_(browser, rp, request_uri, **more):
    return browser.get(
        "/authorize", query_string={"client_id": rp.client_id, "request_uri": request_uri} | more
    )


@pytest.mark.spec("rfc9126 1")
def test_a_pushed_request_is_named_and_kept_as_a_digest(rp):
    response = push(rp)

    handle = response.json["request_uri"].removeprefix(URN)
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json == {"request_uri": URN + handle, "expires_in": 60}
    assert len(handle) == 43
    kept = db.session.scalars(select(Interaction)).one()
    assert kept.handle_digest == digest_of(handle)
    assert "client_secret" not in kept.parameters


@pytest.mark.spec("rfc9126 2")
def test_the_browser_carries_the_name_alone(signed_in, rp):
    request_uri = pushed(rp)

    response = open_(signed_in, rp, request_uri, state="another", scope="openid phone", redirect_uri="x:y")

    params = query_of(response)
    assert (params["state"], params["iss"]) == ("the state", ISSUER)
    assert rp.exchange(params["code"]).json["scope"] == "openid profile email"


@pytest.mark.spec("rfc9126 2")
@ON_SQLITE
def test_it_gives_one_response(signed_in, rp):
    request_uri = pushed(rp)
    assert "code" in query_of(open_(signed_in, rp, request_uri))

    again = query_of(open_(signed_in, rp, request_uri))

    assert (again["error"], again["state"]) == ("invalid_request_uri", "the state")


@pytest.mark.spec("rfc9126 2")
@ON_SQLITE
def test_a_page_may_be_reloaded_until_the_answer(http, rp, ada):
    request_uri = pushed(rp)
    open_(http, rp, request_uri)
    first = open_(http, rp, request_uri)
    second = open_(http, rp, request_uri)

    assert "code" in query_of(type_password(http, first))

    late = follow(http, http.get(second.headers["Location"].replace("/sign-in/", "/authorize/resume/")))
    assert query_of(late)["error"] == "invalid_request_uri"


@ON_SQLITE
def test_an_answer_of_refusal_uses_it_up_as_well(http, rp):
    request_uri = pushed(rp, prompt="none")
    assert query_of(open_(http, rp, request_uri))["error"] == "login_required"

    assert query_of(open_(http, rp, request_uri))["error"] == "invalid_request_uri"


@ON_SQLITE
def test_the_person_may_take_longer_than_the_name_lives(http, rp, ada, turned_clock):
    asked = open_(http, rp, pushed(rp))
    turned_clock.turn(timedelta(minutes=29))
    prune()

    assert "code" in query_of(type_password(http, asked))


@pytest.mark.spec("rfc9126 1")
@ON_SQLITE
def test_after_its_time_it_is_reported_to_the_app(signed_in, rp, turned_clock):
    request_uri = pushed(rp)
    turned_clock.turn(timedelta(seconds=60))

    response = open_(signed_in, rp, request_uri)

    assert response.headers["Location"].startswith(rp.redirect_uri)
    assert query_of(response)["error"] == "invalid_request_uri"


@ON_SQLITE
def test_an_unknown_request_uri_or_that_of_another_client_is_a_page(app, signed_in, rp):
    green = RelyingParty(app, "green")
    for asked in (
        {"client_id": "green", "request_uri": pushed(rp)},
        {"client_id": "red", "request_uri": URN + "x" * 43},
        {"request_uri": pushed(rp)},
        {"client_id": "red", "redirect_uri": rp.redirect_uri, "request_uri": URN},
    ):
        response = signed_in.get("/authorize", query_string=asked)

        assert response.status_code == 400
        assert "Location" not in response.headers
        assert "invalid_request_uri" in response.get_data(as_text=True)
    assert green.client.is_active


@pytest.mark.spec("rfc9126 1")
@ON_SQLITE
def test_a_client_proves_itself_as_at_the_token_endpoint(app, rp):
    green = RelyingParty(app, "green", public=True)
    assert push(green).status_code == 201

    for wrong in (
        rp.http.post("/par", data=rp.request()),
        rp.http.post("/par", data=rp.request(), auth=("red", "wrong")),
        rp.http.post("/par", data=rp.request(client_id=None), auth=("nobody", "x")),
    ):
        assert (wrong.status_code, wrong.json["error"]) == (401, "invalid_client")
    in_form = rp.http.post("/par", data=rp.request() | {"client_secret": secret_of("red")})
    assert in_form.status_code == 401
    foreign = rp.http.post("/par", data=rp.request(client_id="green"), auth=("red", secret_of("red")))
    assert (foreign.status_code, foreign.json["error"]) == (400, "invalid_request")


@pytest.mark.spec("rfc9126 1")
@ON_SQLITE
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"request_uri": URN + "x"}, "invalid_request", id="a request_uri"),
        pytest.param({"redirect_uri": "https://evil.test/cb"}, "invalid_request", id="an unknown address"),
        pytest.param({"redirect_uri": None}, "invalid_request", id="no redirect_uri"),
        pytest.param({"response_type": None}, "invalid_request", id="no response_type"),
        pytest.param({"response_type": "token"}, "unsupported_response_type", id="implicit flow"),
        pytest.param({"scope": "nonsense"}, "invalid_scope", id="no known scope"),
        pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="PKCE plain"),
        pytest.param({"prompt": "none login"}, "invalid_request", id="a prompt that means two things"),
        pytest.param({"id_token_hint": "e30.e30.e30"}, "invalid_request", id="a hint that is not ours"),
        pytest.param({"resource": "nonsense"}, "invalid_target", id="a resource that is none"),
        pytest.param({"dpop_jkt": "x"}, "invalid_request", id="a dpop_jkt that is none"),
    ],
)
def test_everything_is_checked_at_once_and_reported_to_the_client(rp, changes, error):
    response = push(rp, **changes)

    assert (response.status_code, response.json["error"]) == (400, error)
    assert db.session.scalars(select(Interaction)).all() == []


@pytest.mark.spec("rfc9126 1")
@ON_SQLITE
def test_other_methods_bodies_and_places_are_refused(rp, settings):
    proof = ("red", secret_of("red"))
    assert rp.http.get("/par").status_code == 405
    assert rp.http.post("/par", json=rp.request(), auth=proof).status_code == 400
    assert rp.http.post("/par?state=x", data=rp.request(state=None), auth=proof).status_code == 400
    assert rp.http.post("/par", data=rp.request() | {"scope": ["x", "y"]}, auth=proof).status_code == 400
    assert push(rp, state="x" * (settings.max_body_bytes + 1)).status_code == 413


@ON_SQLITE
def test_a_pushed_request_can_ask_the_person(app, signed_in):
    blue = RelyingParty(app, "blue", first_party=False)

    params = query_of(press(signed_in, open_(signed_in, blue, pushed(blue)), "allow"))

    assert blue.exchange(params["code"]).status_code == 200


@ON_SQLITE
def test_a_posted_name_is_as_good(app, http, signed_in, rp):
    asked = {"client_id": "red", "request_uri": pushed(rp)}
    posted = app.test_client(use_cookies=False).post("/authorize", data=asked)

    response = http.get(posted.headers["Location"])

    assert "code" in query_of(response)
    assert query_of(open_(signed_in, rp, asked["request_uri"]))["error"] == "invalid_request_uri"


@ON_SQLITE
def test_the_client_is_looked_at_again_when_the_name_is_used(signed_in, rp):
    request_uri = pushed(rp)
    with transaction():
        rp.client.disabled_at = rp.client.created_at

    assert open_(signed_in, rp, request_uri).status_code == 400


@ON_SQLITE
def test_it_costs_two_statements_more_than_a_plain_request(signed_in, rp, statements):
    rp.code(signed_in)
    request_uri = pushed(rp)
    with statements() as plain:
        rp.authorize(signed_in)
    with statements() as named:
        open_(signed_in, rp, request_uri)

    assert len(named) <= len(plain) + 2


def proof_of(key: ECKey, **changes) -> dict[str, str]:
    """The header with a DPoP proof for /par."""
    claims = {"jti": new_handle(), "htm": "POST", "htu": ISSUER + "/par", "iat": int(time.time())} | changes
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    return {"DPoP": jwt.encode(header, claims, key)}


@pytest.mark.spec("rfc9449 3")
@ON_SQLITE
def test_a_proof_that_comes_along_binds_the_code_to_its_key(signed_in, rp):
    key, proof = ECKey.generate_key("P-256"), ("red", secret_of("red"))

    def push_with(headers, **changes):
        return rp.http.post("/par", data=rp.request(**changes), auth=proof, headers=headers)

    same = push_with(proof_of(key), dpop_jkt=key.thumbprint())
    assert same.status_code == 201
    assert push_with(proof_of(key), dpop_jkt="x" * 43).json["error"] == "invalid_dpop_proof"
    assert push_with(proof_of(key, htu=ISSUER + "/token")).json["error"] == "invalid_dpop_proof"
    used = proof_of(key)
    request_uri = push_with(used).json["request_uri"]
    assert push_with(used).json["error"] == "invalid_dpop_proof"

    assert "code" in query_of(open_(signed_in, rp, request_uri))

    code = db.session.scalars(select(AuthorizationCode)).one()
    assert code.request["dpop_jkt"] == key.thumbprint()


@ON_SQLITE
def test_the_sign_in_page_of_a_pushed_request_names_the_app(http, rp):
    page = Page(http, follow(http, open_(http, rp, pushed(rp, login_hint="ada"))))

    assert "Red" in page.html
    assert page.fields["username"] == "ada"
    assert CHALLENGE not in page.html
    assert urlsplit(page.response.request.path).query == ""
