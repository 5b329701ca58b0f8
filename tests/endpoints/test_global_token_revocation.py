"""`/global-token-revocation` as an upstream sees it."""

import json

import pytest
from sqlalchemy import func, select, update

from provider.audit.models import AuditEvent
from provider.clients.models import Client
from provider.delivery.models import Delivery
from provider.grants.subject import subject_for
from provider.infrastructure.database import change, db, transaction
from provider.logout.models import Logout
from provider.sessions.queries import find_live
from tests.factories import make_account, make_client, make_session
from tests.support.browsers import ISSUER
from tests.support.command import run_curfew
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty

SCOPE = "global_token_revocation"
PATH = "/global-token-revocation"
FOR_ITSELF = {"grant_types": ["client_credentials"], "redirect_uris": None}


@pytest.fixture
def upstream(app) -> RelyingParty:
    return RelyingParty(app, "upstream", scope=f"jobs {SCOPE}", **FOR_ITSELF)


@pytest.fixture
def token(upstream) -> str:
    return token_of(upstream)


def token_of(upstream, scope: str = SCOPE) -> str:
    response = upstream.post("/token", grant_type="client_credentials", scope=scope)
    assert response.status_code == 200, response.get_data(as_text=True)
    access_token: str = response.json["access_token"]
    return access_token


def revoke(upstream, token: str | None, sub_id: object, **more):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return upstream.http.post(PATH, json={"sub_id": sub_id}, headers=headers, **more)


def by_sub(account) -> dict[str, str]:
    return {"format": "iss_sub", "iss": ISSUER, "sub": account.sub}


def count(model) -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(by_sub, id="issuer and subject"),
        pytest.param(lambda ada: {"format": "email", "email": "Ada@Example.test"}, id="e-mail, in any case"),
        pytest.param(lambda ada: {"format": "opaque", "id": str(ada.id)}, id="the account's identifier"),
    ],
)
@pytest.mark.spec("global-token-revocation 2, global-token-revocation 3")
def test_everything_of_the_person_ends(upstream, token, ada, name):
    green = make_client("green")
    made = [make_session(ada, [green]), make_session(ada, [green], offline=("green",))]
    bens = make_session(make_account("ben"), [green])

    response = revoke(upstream, token, name(ada))

    assert (response.status_code, response.data) == (204, b"")
    assert [find_live(one.handle) for one in made] == [None, None]
    assert find_live(bens.handle) is not None
    end_read()
    logout = db.session.scalars(select(Logout)).one()
    assert (logout.reason, logout.scope) == ("global_token_revocation", "everywhere")
    assert (logout.initiator, logout.initiator_client_id) == ("client", "upstream")
    assert logout.grants_revoked == 2
    assert {delivery.priority for delivery in db.session.scalars(select(Delivery))} == {0}


def test_it_can_be_said_again(upstream, token, ada):
    make_session(ada, [make_client("green")])

    assert [revoke(upstream, token, by_sub(ada)).status_code for _ in range(2)] == [204, 204]
    assert count(Delivery) == 1


def test_no_token_of_the_person_lives(upstream, token, signed_in, rp, ada):
    tokens = rp.sign_in(signed_in)

    revoke(upstream, token, by_sub(ada))

    assert not rp.introspect(tokens["access_token"])["active"]
    assert rp.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert "login_required" in rp.authorize(signed_in, prompt="none").headers["Location"]


@pytest.mark.spec("global-token-revocation 3")
@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param("", "JSON", id="nothing"),
        pytest.param("no JSON", "JSON", id="no JSON"),
        pytest.param("[]", "JSON", id="a list"),
        pytest.param("[" * 10000, "JSON", id="a deep one"),
        pytest.param("{}", "sub_id", id="no sub_id"),
        pytest.param('{"sub_id": "ada"}', "sub_id", id="a text"),
        pytest.param('{"sub_id": {"email": "a@b.test"}}', "format", id="no format"),
        pytest.param('{"sub_id": {"format": ["email"], "email": "a"}}', "format", id="format is a list"),
        pytest.param('{"sub_id": {"format": "did", "url": "did:x"}}', "format", id="an unknown format"),
        pytest.param('{"sub_id": {"format": "email"}}', "email", id="a member is missing"),
        pytest.param('{"sub_id": {"format": "email", "email": 1}}', "email", id="a number"),
        pytest.param('{"sub_id": {"format": "email", "email": ""}}', "email", id="an empty text"),
        pytest.param('{"sub_id": {"format": "email", "email": "a\\u0000b"}}', "email", id="NUL"),
        pytest.param(
            '{"sub_id": {"format": "email", "email": "\\ud800"}}', "email", id="an unpaired surrogate"
        ),
        pytest.param(
            '{"sub_id": {"format": "email", "email": "a", "sub": "b"}}', "no other", id="one member too many"
        ),
        pytest.param(
            '{"sub_id": {"format": "email", "email": "a", "email": "b"}}', "JSON", id="a member twice"
        ),
    ],
)
def test_a_malformed_request_is_400(upstream, token, ada, body, why):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    response = upstream.http.post(PATH, data=body, headers=headers)

    assert (response.status_code, response.json["error"]) == (400, "invalid_request")
    assert why in response.json["error_description"]


def test_a_form_is_400(upstream, token):
    response = upstream.http.post(
        PATH, data={"sub_id": json.dumps({})}, headers={"Authorization": f"Bearer {token}"}
    )

    assert response.status_code == 400


def test_without_a_token_it_is_401(upstream, ada):
    missing, unknown = revoke(upstream, None, by_sub(ada)), revoke(upstream, "cfa_unknown", by_sub(ada))

    assert (missing.status_code, unknown.status_code) == (401, 401)
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="curfew"'
    assert 'error="invalid_token"' in unknown.headers["WWW-Authenticate"]
    assert count(Logout) == 0


def test_a_cookie_is_no_token(http, upstream, ada, signed_in):
    assert signed_in.post(PATH, json={"sub_id": by_sub(ada)}).status_code == 401


def test_another_token_is_403(app, upstream, signed_in, rp, ada):
    """The scope must be there, alone, in a client's own token."""
    wrong = [
        token_of(upstream, "jobs"),
        token_of(upstream, f"jobs {SCOPE}"),
        rp.sign_in(signed_in)["access_token"],
    ]

    for token in wrong:
        response = revoke(upstream, token, by_sub(ada))
        assert (response.status_code, response.json["error"]) == (403, "insufficient_scope")
        assert f'scope="{SCOPE}"' in response.headers["WWW-Authenticate"]
    assert count(Logout) == 0


def test_a_right_that_is_lost_is_lost_at_once(upstream, token, ada):
    registered = upstream.client.registered | {"scope": "jobs"}
    with transaction():
        change(update(Client).where(Client.client_id == "upstream").values(registered=registered))

    assert revoke(upstream, token, by_sub(ada)).status_code == 403


def test_no_person_can_grant_the_scope(app, signed_in):
    greedy = RelyingParty(app, "greedy", scope=f"openid {SCOPE}")

    response = greedy.authorize(signed_in, scope=f"openid {SCOPE}")

    assert "error=invalid_scope" in response.headers["Location"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(lambda ada: {"format": "iss_sub", "iss": ISSUER, "sub": "nobody"}, id="unknown subject"),
        pytest.param(
            lambda ada: {"format": "iss_sub", "iss": "https://else.test", "sub": ada.sub},
            id="another issuer's subject",
        ),
        pytest.param(lambda ada: {"format": "email", "email": "nobody@example.test"}, id="unknown e-mail"),
        pytest.param(lambda ada: {"format": "opaque", "id": ada.sub[:8]}, id="no identifier at all"),
    ],
)
@pytest.mark.spec("global-token-revocation 4")
def test_an_unknown_subject_is_404_and_leaves_a_trail(upstream, token, ada, name):
    response = revoke(upstream, token, name(ada))

    assert (response.status_code, response.json["error"]) == (404, "not_found")
    end_read()
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "logout_refused")).one()
    assert (entry.actor, entry.client_id, entry.detail["status"]) == ("client", "upstream", 404)
    assert count(Logout) == 0


def test_two_people_with_one_address_are_not_distinguished_and_422(upstream, token, ada):
    made = make_session(ada)
    make_account("ben", email="ada@example.test")

    response = revoke(upstream, token, {"format": "email", "email": "ada@example.test"})

    assert response.status_code == 422
    assert find_live(made.handle) is not None


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(by_sub, id="issuer and subject"),
        pytest.param(lambda ada: {"format": "opaque", "id": str(ada.id)}, id="the account's identifier"),
    ],
)
@pytest.mark.spec("global-token-revocation 4")
def test_a_deleted_account_is_404_and_is_not_signed_out_again(upstream, token, ada, name):
    make_session(ada, [make_client("green")], offline=("green",))
    run_curfew("user", "delete", "ada", "--yes")
    end_read()
    assert (count(Logout), count(Delivery)) == (1, 1)

    response = revoke(upstream, token, name(ada))

    assert (response.status_code, response.json["error"]) == (404, "not_found")
    assert (count(Logout), count(Delivery)) == (1, 1)


def test_a_deleted_account_with_the_same_address_makes_nothing_ambiguous(upstream, token, ada):
    made = make_session(ada)
    ben = make_account("ben", email="ada@example.test")
    with transaction():
        # Only marked: a deletion also forgets the address.
        ben.deleted_at = ben.created_at

    response = revoke(upstream, token, {"format": "email", "email": "ada@example.test"})

    assert response.status_code == 204
    assert find_live(made.handle) is None


@pytest.mark.spec("core 19")
def test_a_pairwise_upstream_knows_a_person_by_its_own_subject_alone(app, ada):
    """It does not know another client's subject or the public one."""
    partner = RelyingParty(
        app,
        "partner",
        scope=f"openid {SCOPE}",
        subject_type="pairwise",
        grant_types=["authorization_code", "client_credentials"],
    )
    stranger = make_client("stranger", subject_type="pairwise")
    make_session(ada, [partner.client, stranger])
    token = token_of(partner)

    responses = [
        revoke(partner, token, {"format": "iss_sub", "iss": ISSUER, "sub": sub}).status_code
        for sub in (ada.sub, subject_for(ada, stranger), subject_for(ada, partner.client))
    ]

    assert responses == [404, 404, 204]


def test_it_costs_the_same_however_much_there_is(upstream, token, ada, statements):
    ben = make_account("ben")
    make_session(ben, [make_client("green")])
    apps = [make_client(f"app{number}") for number in range(6)]
    for _ in range(6):
        make_session(ada, apps, offline=("app1",))

    with statements() as few:
        revoke(upstream, token, by_sub(ben))
    with statements() as many:
        assert revoke(upstream, token, by_sub(ada)).status_code == 204

    assert len(few) == len(many) <= 13, many


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_other_methods_are_refused(upstream, token, method):
    assert upstream.http.open(PATH, method=method).status_code == 405
