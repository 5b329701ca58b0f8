"""`curfew doctor` against the real demo app, apps that believe too much, and apps that cannot be reached."""

import socket
from datetime import timedelta

import jwt
import pytest
from sqlalchemy import func, select

from provider.audit.models import AuditEvent
from provider.clients.models import Client
from provider.delivery.models import Delivery, EndpointHealth
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.keys.jwks import published_jwks
from provider.logout.models import Logout
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.sessions.models import ClientSession
from tests.cli.examined_app import demo_app, first_only, published, running
from tests.delivery.owing import sign_out_at
from tests.factories import make_account, make_client, make_session
from tests.support import signing_keys
from tests.support.authority import Authority

MUST_REFUSE = {
    *("foreign key", "alg none", "HS256 with the public key", "wrong iss", "wrong aud", "expired"),
    *("from the future", "nonce", "no events", "wrong event", "neither sub nor sid"),
}
SHOULD_REFUSE = {"wrong typ", "replayed jti"}


@pytest.fixture
def registered(looking):
    """Registers red; Ada is signed in there."""

    def register(**client):
        with looking():
            with transaction():
                signing_keys.provide()
            red = make_client("red", **client)
            return make_session(make_account("ada"), [red])

    return register


def by_check(report):
    return {one["check"]: one for one in report["findings"]}


def grades(report):
    return {one["check"]: one["grade"] for one in report["findings"]}


@pytest.mark.parametrize(
    ("status", "opened"), [pytest.param(200, True, id="it passes"), pytest.param(400, False, id="it fails")]
)
def test_an_examination_that_passes_opens_a_trial(curfew, registered, looking, status, opened):
    with running(first_only(status)) as app:
        registered(port=app.port)
        with looking():
            red = db.session.scalars(select(Client)).one()
            sign_out_at(red, account=make_account("ben"))
            with transaction():
                counts = {"trips": 5, "consecutive_failures": 12, "window_attempts": 0, "window_failures": 0}
                about = {"state": "open", "open_until": clock.now() + timedelta(minutes=15), "refusals": 2}
                about |= {"failing_since": clock.now(), "last_outcome": "bad_request", "url": "http://red"}
                db.session.add(
                    EndpointHealth(kind=BACKCHANNEL_LOGOUT, recipient_id=red.id, **about, **counts)
                )

        report = curfew("doctor", "red", "--json", code=0 if opened else 1).json

    assert "refusing" in by_check(report)["deliveries"]["saw"]
    assert report["trial_opened"] is opened
    with looking():
        assert (db.session.scalars(select(EndpointHealth)).one().open_until <= clock.now()) is opened


def test_an_app_that_refuses_every_bad_token_passes(curfew, registered):
    with running(first_only()) as app:
        registered(port=app.port)
        report = curfew("doctor", "red", "--json").json

    found = grades(report)
    assert {check for check, grade in found.items() if grade != "pass"} == {"TLS"}
    assert by_check(report)["TLS"]["saw"] == "plain http"
    assert set(found) >= MUST_REFUSE | SHOULD_REFUSE | {"address policy", "DNS", "connection", "good token"}
    assert report["grade"] == "warn"


@pytest.mark.parametrize(
    ("names", "saw", "claims"),
    [("both", "sub and sid", {"sub", "sid"}), ("sid", "sid alone", {"sid"}), ("sub", "sub alone", {"sub"})],
)
def test_the_good_token_names_what_real_ones_name(curfew, registered, names, saw, claims):
    with running(first_only()) as app:
        registered(port=app.port, settings={"logout_token_names": names})
        report = curfew("doctor", "red", "--json").json

    assert by_check(report)["registration"]["saw"].endswith(f"Logout Tokens carry {saw}")
    sent = jwt.decode(app.tokens[0], options={"verify_signature": False})
    assert {"sub", "sid"} & sent.keys() == claims


def test_an_app_that_believes_everything_fails(curfew, registered):
    with running(lambda _: 200) as app:
        registered(port=app.port)
        report = curfew("doctor", "red", "--json", code=1).json

    found = grades(report)
    assert {check for check, grade in found.items() if grade == "fail"} == MUST_REFUSE
    assert {check for check, grade in found.items() if grade == "warn"} == SHOULD_REFUSE | {"TLS"}
    assert all(by_check(report)[check]["fix"] for check in MUST_REFUSE | SHOULD_REFUSE)


def test_people_learn_what_is_wrong_and_how_to_fix_it(curfew, registered):
    with running(lambda _: 200) as app:
        registered(port=app.port)
        said = curfew("doctor", "red", code=1).out

    assert "fail: alg none" in said
    assert "To fix it: Accept only the registered algorithm" in said
    assert "red: " in said.splitlines()[-1]
    assert "11 fail" in said.splitlines()[-1]


def test_no_session_ends_and_nothing_is_owed(curfew, looking, registered):
    with running(lambda _: 200) as app:
        made = registered(port=app.port)
        curfew("doctor", "red", code=1)
        sent = [jwt.decode(token, options={"verify_signature": False}) for token in app.tokens]

    with looking():
        client_session = db.session.get(ClientSession, made.client_sessions["red"].id)
        assert client_session.ended_at is None
        assert db.session.scalar(select(func.count()).select_from(Logout)) == 0
        assert db.session.scalar(select(func.count()).select_from(Delivery)) == 0
        examined = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "client_examined")).one()
    assert examined.detail["grade"] == "fail"
    assert len({claims["sid"] for claims in sent if "sid" in claims}) == len(sent) - 2
    assert made.client_sessions["red"].sid not in {claims.get("sid") for claims in sent}
    assert made.grants["red"].sub not in {claims.get("sub") for claims in sent}
    assert {claims["aud"] for claims in sent if claims["aud"] != "red"} != {"green"}


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_each_bad_token_has_the_one_fault_it_is_named_after(curfew, looking, registered, alg):
    with running(first_only()) as app:
        registered(port=app.port, id_token_signed_response_alg=alg)
        curfew("doctor", "red")

    with looking():
        keys = {key["kid"]: jwt.PyJWK(key) for key in published_jwks()["keys"]}

    def is_signed(token):
        try:
            jwt.PyJWS().decode(token, keys[jwt.get_unverified_header(token)["kid"]], algorithms=[alg])
        except (jwt.InvalidTokenError, KeyError):
            return False
        return True

    signed = [is_signed(token) for token in app.tokens]
    assert signed == [True, False, False, False, *[True] * 10]
    headers = [jwt.get_unverified_header(token) for token in app.tokens]
    assert [header["alg"] for header in headers[:5]] == [alg, alg, "none", "HS256", alg]


@pytest.mark.parametrize(
    ("status", "grade", "words"),
    [
        pytest.param(200, "pass", "", id="200 is the right response"),
        pytest.param(204, "pass", "", id="204 is tolerated"),
        pytest.param(202, "warn", "Only 200 and 204", id="another 2xx is odd"),
        pytest.param(302, "fail", "Redirects are not followed", id="a redirect is not followed"),
        pytest.param(400, "fail", "already signed out counts as success", id="400 refuses a good token"),
        pytest.param(403, "fail", "rejects the provider", id="something before the app says no"),
        pytest.param(500, "fail", "fails on a valid token", id="the app breaks"),
    ],
)
def test_the_response_to_the_good_token(curfew, registered, status, grade, words):
    with running(first_only(status)) as app:
        app.headers["Location"] = "/sign-in"
        registered(port=app.port)
        report = curfew("doctor", "red", "--json", code=1 if grade == "fail" else 0).json

    good = by_check(report)["good token"]
    assert good["grade"] == grade
    assert words in good["meaning"]
    assert (grades(report).get("bad tokens") == "skipped") == (grade == "fail")
    assert len(app.tokens) == (1 if grade == "fail" else 14)


@pytest.mark.parametrize(
    ("refusal", "grade"),
    [
        pytest.param(400, "pass", id="400 is the right refusal"),
        pytest.param(401, "warn", id="another refusal is a refusal"),
        pytest.param(303, "fail", id="a redirect is none"),
        pytest.param(500, "fail", id="the app breaks"),
    ],
)
def test_the_response_to_bad_tokens(curfew, registered, refusal, grade):
    with running(first_only(refusal=refusal)) as app:
        registered(port=app.port)
        report = curfew("doctor", "red", "--json", code=1 if grade == "fail" else 0).json

    assert {grades(report)[check] for check in MUST_REFUSE} == {grade}


def test_a_response_that_may_be_cached_is_warned_of(curfew, registered):
    with running(first_only()) as app:
        app.headers.clear()
        registered(port=app.port)
        assert grades(curfew("doctor", "red", "--json").json)["caching"] == "warn"


@pytest.mark.parametrize(
    ("uri", "check"),
    [
        pytest.param(None, "registration", id="without an address"),
        pytest.param(
            "https://169.254.169.254/logout", "address policy", id="an address that is never called"
        ),
        pytest.param("https://red.invalid/logout", "DNS", id="a name that does not exist"),
        pytest.param("http://127.0.0.1:1/logout", "connection", id="a closed port"),
    ],
)
def test_an_app_that_cannot_be_reached(curfew, registered, uri, check):
    registered(backchannel_logout_uri=uri)

    report = curfew("doctor", "red", "--json", code=1).json

    last = report["findings"][-1]
    assert (last["check"], last["grade"]) == (check, "fail")
    assert last["fix"]


@pytest.mark.parametrize(
    ("days", "grade"), [pytest.param(100, "pass", id="long"), pytest.param(5, "warn", id="ending soon")]
)
def test_the_certificate_is_dated(curfew, registered, tmp_path, days, grade):
    authority = Authority(tmp_path)
    context = authority.server_context("127.0.0.1", life=timedelta(days=days, hours=1))
    with running(first_only(), context) as app:
        registered(backchannel_logout_uri=f"https://127.0.0.1:{app.port}/logout")
        bundle = str(authority.bundle)
        report = curfew("doctor", "red", "--json", CURFEW_OUTBOUND_CA_BUNDLE=bundle).json
        untrusted = curfew("doctor", "red", "--json", code=1).json

    tls = by_check(report)["TLS"]
    assert tls["grade"] == grade
    assert f"({days} days)" in tls["saw"]
    assert (untrusted["findings"][-1]["check"], untrusted["findings"][-1]["grade"]) == ("TLS", "fail")


@pytest.mark.processes
def test_the_demo_app_passes_and_keeps_its_sessions(curfew, looking, registered, tmp_path):
    port = free_port()
    registered(port=port)
    with looking():
        keys = published_jwks()

    def documents(issuer):
        metadata = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
        return {"/.well-known/openid-configuration": metadata, "/jwks": keys}

    with published(documents) as issuer, demo_app(issuer, port, tmp_path / "rp"):
        report = curfew("doctor", "red", "--json", CURFEW_ISSUER=issuer).json

    assert {check: grade for check, grade in grades(report).items() if grade != "pass"} == {"TLS": "warn"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]
