"""The Flask extension by itself: its receiver, and what it does without its store or the provider."""

import pytest
from flask import Flask

from curfew_rp.flask import CurfewRP
from curfew_rp.receiver import BODY_SIZE_LIMIT
from curfew_rp.stores.redis import RedisStore
from tests.kit.conftest import FORM, form
from tests.kit.other_provider import CLIENT_ID


def make_app(provider, store="memory:"):
    app = Flask("shop")
    app.secret_key = "a secret of the app's own"
    app.config["MAX_CONTENT_LENGTH"] = 1024
    curfew = CurfewRP(app, issuer=provider.issuer, client_id=CLIENT_ID, store=store)

    @app.route("/", methods=["GET", "POST"])
    @curfew.sign_in_required
    def home():
        return f"Hello {curfew.user.name}"

    return app.test_client()


def test_the_apps_own_limits_are_not_the_receivers(provider):
    http = make_app(provider)

    answer = http.post("/backchannel-logout", data=b"x" * (BODY_SIZE_LIMIT + 1), content_type=FORM)
    assert (answer.status_code, answer.json["error_description"][:14]) == (400, "body_too_large")
    token = form(provider.logout_token(more="x" * 1500))
    assert http.post("/backchannel-logout", data=token, content_type=FORM).status_code == 200


def test_people_are_sent_to_sign_in_and_programs_are_not(provider):
    http = make_app(provider)

    assert http.get("/?page=2").headers["Location"] == "/login?next=/?page%3D2"
    assert http.post("/").status_code == 401


def test_a_sign_in_without_the_provider_is_503(provider):
    http = make_app(provider)
    provider.is_down = True

    assert [http.get(path).status_code for path in ("/login", "/callback?code=1&state=2")] == [503, 503]


@pytest.mark.parametrize(
    "query", ["", "?code=1&state=2", "?error=access_denied", "?iss=https://evil.example"]
)
def test_an_answer_that_was_not_asked_for_is_refused(provider, query):
    answer = make_app(provider).get(f"/callback{query}")

    assert answer.status_code == 400
    assert "Signing in did not work" in answer.text


def test_another_site_does_not_sign_people_out(provider):
    answer = make_app(provider).get("/logout", headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 200
    assert '<form method="post" action="/logout">' in answer.text


def test_people_without_a_session_do_not_wait_for_the_store(provider, tmp_path):
    store = RedisStore.from_url(f"unix://{tmp_path / 'nothing'}")

    assert make_app(provider, store).get("/").status_code == 302

    store.close()
