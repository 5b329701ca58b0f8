"""`/register/<client_id>`: a client reads, replaces and removes what it registered (rfc7592)."""

import re
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import func, select, text, update

from provider.clients import change, queries
from provider.clients.models import Client
from provider.delivery.models import Delivery
from provider.infrastructure.database import change as write
from provider.infrastructure.database import db, transaction
from provider.logout.end_session import end
from provider.logout.models import BulkLogout, LogoutReason
from provider.logout.steps import Cause
from tests.factories import make_client, make_session
from tests.races.at_once import ON_POSTGRESQL, at_once
from tests.support.reads import end_read
from tests.support.registering import Registrant, bearer
from tests.support.relying_party import RelyingParty

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOKEN = "registration_access_token"


@pytest.fixture
def settings(settings):
    return replace(settings, registration="open", registration_limit="1000 per second")


@pytest.fixture
def registrant(app):
    return Registrant(app.test_client(use_cookies=False))


@pytest.fixture
def made(registrant):
    return registrant.registered(client_name="Red", scope="openid profile")


@pytest.mark.spec("registration 4, rfc7592 §2.1")
def test_a_client_reads_what_it_registered(registrant, made, statements):
    with statements() as seen:
        response = registrant.read(made)

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    # The secret is kept as a digest, so it cannot be shown again (KEY-18).
    assert response.json == {
        name: value for name, value in made.items() if not name.startswith("client_secret")
    }
    assert len([one for one in seen if "SELECT" in one]) == 1


@pytest.mark.spec("rfc7592 §2.2")
def test_a_replacement_is_a_whole_one_and_takes_the_token(registrant, made):
    response = registrant.replace(made, client_uri="https://red.test/")

    body = response.json
    assert response.status_code == 200
    assert body["client_uri"] == "https://red.test/"
    assert "client_name" not in body
    assert body["scope"] != made["scope"]
    assert "client_secret" not in body
    assert body[TOKEN] != made[TOKEN]
    assert registrant.read(made).status_code == 401
    assert registrant.read(body).json["client_uri"] == "https://red.test/"


def test_the_secret_of_a_client_outlives_its_replacement(registrant, made):
    body = registrant.replace(made, client_secret=made["client_secret"]).json

    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    proof = (body["client_id"], made["client_secret"])
    assert registrant.http.post("/token", data=form, auth=proof).status_code != 401


def test_a_client_that_comes_to_need_a_secret_is_given_one(registrant):
    public = registrant.registered(token_endpoint_auth_method="none")
    assert "client_secret" not in public

    body = registrant.replace(public).json

    assert body["client_secret"]
    assert body["client_secret_expires_at"] == 0


@pytest.mark.spec("rfc7592 §2.2")
@ON_SQLITE
@pytest.mark.parametrize(
    ("members", "error"),
    [
        pytest.param({"client_id": ...}, "invalid_client_metadata", id="without client_id"),
        pytest.param({"client_id": "green"}, "invalid_client_metadata", id="another client's id"),
        pytest.param({"client_id": ["red"]}, "invalid_client_metadata", id="a list of ids"),
        pytest.param(
            {"client_secret": "its own choice!!"}, "invalid_client_metadata", id="a secret of its own"
        ),
        pytest.param({"client_secret": 7}, "invalid_client_metadata", id="a number for a secret"),
        pytest.param({TOKEN: "x"}, "invalid_client_metadata", id="the token"),
        pytest.param({"registration_client_uri": "x"}, "invalid_client_metadata", id="the address"),
        pytest.param({"client_secret_expires_at": 0}, "invalid_client_metadata", id="the secret's end"),
        pytest.param({"client_id_issued_at": 0}, "invalid_client_metadata", id="its own beginning"),
        pytest.param({"redirect_uris": ["x"]}, "invalid_redirect_uri", id="a redirect URI that is none"),
        pytest.param({"scope": "openid account"}, "invalid_client_metadata", id="a scope of the operator's"),
        pytest.param({"client_name": "Bank"}, "invalid_client_metadata", id="the name of the operator's app"),
    ],
)
def test_a_replacement_that_is_not_right_changes_nothing(registrant, made, members, error):
    make_client("bank", client_name="Bank")

    response = registrant.replace(made, **members)

    assert (response.status_code, response.json["error"]) == (400, error)
    assert registrant.read(made).json["client_name"] == "Red"


@pytest.mark.spec("rfc7592 §2.3, ABU-72")
def test_a_client_that_removes_itself_is_gone_with_all_it_was_given(signed_in, app, registrant, made):
    rp = RelyingParty(app, "green")
    tokens = rp.sign_in(signed_in)
    with transaction():
        # The factory's client, as if it had registered itself.
        green, body = queries.get_by_client_id("green"), queries.get_by_client_id(made["client_id"])
        body.registration_token_digest, digest = None, body.registration_token_digest
        green.registration_token_digest, green.first_party = digest, False
    greens = made | {
        "registration_client_uri": made["registration_client_uri"].replace(made["client_id"], "green")
    }

    response = registrant.delete(greens)

    assert (response.status_code, response.get_data()) == (204, b"")
    assert rp.userinfo(tokens["access_token"]).status_code == 401
    assert rp.refresh(tokens["refresh_token"]).status_code == 401
    assert registrant.read(greens).status_code == 401
    assert registrant.delete(greens).status_code == 401
    assert queries.find_by_client_id("green") is None


@pytest.mark.spec("rfc7592 §2, ABU-80")
def test_a_token_is_for_its_own_client_alone(registrant, made):
    other = registrant.registered()
    make_client("operators")

    for path in (other["client_id"], "operators", "nobody", "%00", "%ff", "a/b", "x" * 300):
        for method in ("get", "put", "delete"):
            ask = getattr(registrant.http, method)
            response = ask(f"/register/{path}", json={"client_id": path}, headers=bearer(made[TOKEN]))
            assert (response.status_code, response.json["error"]) == (401, "invalid_token")
            assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    assert registrant.read(other).status_code == 200


@ON_SQLITE
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="without a token"),
        pytest.param({"Authorization": "Bearer"}, id="an empty one"),
        pytest.param({"Authorization": "Bearer cfg_x"}, id="an unknown one"),
        pytest.param({"Authorization": "Basic cmVkOng="}, id="another proof"),
    ],
)
def test_without_its_token_a_client_learns_nothing(registrant, made, headers):
    path = f"/register/{made['client_id']}"

    for ask in (registrant.http.get, registrant.http.delete, partial(registrant.http.put, json={})):
        assert ask(path, headers=headers).status_code == 401
    shortened = made[TOKEN][:-1]
    assert registrant.read(made, shortened).status_code == 401
    assert registrant.http.get(f"{path}?access_token={made[TOKEN]}").status_code == 400


def test_a_disabled_client_is_not_notified(registrant, made):
    with transaction():
        change.disable(queries.get_by_client_id(made["client_id"]))

    assert registrant.read(made).status_code == 401
    assert registrant.replace(made).status_code == 401


@ON_SQLITE
def test_what_the_operator_made_his_own_is_changed_by_him_alone(registrant, made):
    with transaction():
        assert write(update(Client).values(first_party=True)) == 1

    assert registrant.read(made).status_code == 200
    assert registrant.replace(made, redirect_uris=["https://evil.test/"]).status_code == 403
    assert registrant.delete(made).status_code == 403


@pytest.mark.spec("rfc7662 3")
def test_a_registrant_learns_nothing_of_other_apps_tokens(signed_in, app, registrant, made):
    red, green = RelyingParty(app, "red"), RelyingParty(app, "green")
    token = red.sign_in(signed_in)["access_token"]
    proof = (made["client_id"], made["client_secret"])

    body = registrant.http.post("/introspect", data={"token": token}, auth=proof).json

    assert body == {"active": False}
    assert green.introspect(token)["active"]


@ON_SQLITE
def test_a_scope_that_the_operator_gave_may_be_kept(registrant, made):
    registered = made | {"scope": "openid account"}
    with transaction():
        row = queries.get_by_client_id(made["client_id"])
        row.registered = {**row.registered, "scope": "openid account"}

    assert registrant.replace(made, scope=registered["scope"]).json["scope"] == "openid account"


@pytest.mark.spec("ABU-24")
def test_a_client_that_gives_up_refresh_tokens_loses_its_offline_grants(registrant):
    made = registrant.registered(grant_types=["authorization_code", "refresh_token"])

    assert registrant.replace(made).status_code == 200

    end_read()
    assert db.session.scalar(select(func.count()).select_from(BulkLogout)) == 1


@pytest.mark.spec("ABU-86")
def test_the_database_holds_neither_token_nor_secret(registrant, made):
    body = registrant.replace(made).json

    end_read()
    rows = str(db.session.execute(text("SELECT * FROM client")).all())
    for secret in (made[TOKEN], body[TOKEN], made["client_secret"]):
        assert secret not in rows
    assert re.search(r"[0-9a-f]{64}", rows)


@pytest.mark.spec("KEY-27")
@ON_SQLITE
def test_no_token_and_no_secret_is_written_into_the_log(registrant, caplog, capsys):
    caplog.set_level("DEBUG")
    made = registrant.registered()
    body = registrant.replace(made, client_secret=made["client_secret"]).json
    registrant.replace(body, client_secret="a secret of its own")
    registrant.read(body, "cfg_of-another")

    captured = capsys.readouterr()
    written = caplog.text + captured.out + captured.err
    assert "request_refused" in written
    for secret in (made[TOKEN], body[TOKEN], made["client_secret"], "a secret of its own", "cfg_of-another"):
        assert secret not in written


@pytest.mark.spec("DLV-22")
def test_a_removed_client_hears_of_endings_where_it_last_listened(ada, registrant):
    made = registrant.registered(backchannel_logout_uri="https://red.test/told")
    session = make_session(ada, [queries.get_by_client_id(made["client_id"])]).session
    assert registrant.delete(made).status_code == 204

    with transaction():
        assert end(session, Cause(reason=LogoutReason.USER, initiator="account"))

    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 1


@ON_POSTGRESQL
def test_of_two_changes_at_once_one_wins(registrant, made):
    for _ in range(5):
        body = registrant.registered()

        responses = at_once(
            partial(registrant.replace, body, client_name="One"),
            partial(registrant.replace, body, client_name="Two"),
            partial(registrant.delete, body),
        )

        assert sorted(response.status_code for response in responses) in ([200, 401, 401], [204, 401, 401])


@pytest.mark.spec("backchannel OP 4")
def test_a_client_that_is_sent_sub_alone_cannot_require_sid(registrant, made):
    with transaction():
        write(update(Client).values(logout_token_names="sub"))
    uri = "https://red.test/told"

    refused = registrant.replace(made, backchannel_logout_uri=uri, backchannel_logout_session_required=True)
    allowed = registrant.replace(made, backchannel_logout_uri=uri)

    assert (refused.status_code, refused.json["error"]) == (400, "invalid_client_metadata")
    assert "backchannel_logout_session_required" in refused.json["error_description"]
    assert allowed.status_code == 200


def test_a_client_does_not_choose_what_its_logout_tokens_name(registrant):
    made = registrant.registered(logout_token_names="sub")

    end_read()
    assert "logout_token_names" not in made
    assert db.session.scalar(select(Client.logout_token_names)) == "both"
