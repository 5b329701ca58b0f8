"""A Flask app that is nothing but the printed recipe: sign-in, sign-out, and a Logout Token that ends it."""

import json

import pytest
import requests

from tests.interop.authlib_app import served
from tests.support.demo import free_run
from tests.support.waiting import PATIENCE, wait_until


@pytest.fixture(scope="module")
def port():
    return free_run(1)


@pytest.fixture(scope="module")
def client(add_for, port):
    return add_for("flask", f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
def app(client, port, tmp_path_factory):
    store = f"sqlite:///{tmp_path_factory.mktemp('app') / 'logouts.sqlite3'}"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("APP_STORE", store)
        environment.setenv("APP_SECRET", "a secret of the app's own")
        environment.setenv("CURFEW_CLIENT_SECRET", client.secret)
        environment.setenv("NO_PROXY", "*")
        module = {"__name__": "app"}
        exec(compile(client.files["app.py"], "app.py", "exec"), module)
        with served(module["app"], port):
            yield f"http://127.0.0.1:{port}"
        module["curfew"].sessions.index.store.close()


def signed_in(ada, app):
    """The name that the app knows, or None if it offers to sign in."""
    response = ada.browser.ask("GET", f"{app}/")
    return response.json()["signed_in"] if "json" in response.headers["Content-Type"] else None


@pytest.mark.spec("core §3.1.3.7, core 16, rpinitiated 7")
def test_the_printed_app_signs_ada_in_and_out(ada, app, site):
    assert signed_in(ada, app) is None
    assert ada.go(f"{app}/login") == f"{app}/"
    assert signed_in(ada, app) == "Ada Lovelace"

    assert ada.go(f"{app}/logout").startswith(f"{app}/signed-out")

    assert signed_in(ada, app) is None
    ada.browser.open(f"{app}/login")
    assert ada.browser.url.startswith(site.issuer)
    assert ada.browser.has("sign-in")


@pytest.mark.spec("backchannel OP 8", "backchannel RP 11", "backchannel OP 10", "backchannel §2.8")
def test_a_logout_token_ends_the_session_of_the_printed_app(ada, app, site):
    ada.go(f"{app}/login")
    assert signed_in(ada, app) == "Ada Lovelace"

    ada.go(f"{site.issuer}/session/end")

    wait_until(lambda: signed_in(ada, app) is None)


@pytest.mark.spec("backchannel RP 6")
def test_the_printed_app_refuses_what_is_no_logout_token(ada, app, site):
    ada.go(f"{app}/login")
    ada.browser.open(f"{app}/logout")
    id_token = ada.browser.answer("id_token_hint")
    ada.go(f"{app}/login")

    for token in ("nonsense", "a.b.c", id_token):
        form = {"logout_token": token}
        assert requests.post(f"{app}/backchannel-logout", data=form, timeout=PATIENCE).status_code == 400

    assert id_token
    assert signed_in(ada, app) == "Ada Lovelace"


@pytest.mark.usefixtures("app")
def test_the_printed_app_refuses_every_bad_token_of_the_doctor(client, site):
    report = json.loads(site.curfew("doctor", client.client_id, "--json"))

    assert [one["check"] for one in report["findings"] if one["grade"] != "pass"] == ["TLS"]
