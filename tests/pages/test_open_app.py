"""A sign-in at an app that begins at the provider (core §4)."""

from urllib.parse import quote

import pytest

from tests.factories import make_account, make_client, make_session
from tests.support.browsers import show_session

INITIATE = "https://red.test/sign-in?tenant=1"

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.spec("core §4")
def test_the_person_is_sent_to_where_the_app_wants_it_begun_with_our_name(http, settings):
    make_client("red", initiate_login_uri=INITIATE)

    response = http.get("/apps/red/open?target_link_uri=https://evil.test/&login_hint=ada")

    assert response.status_code == 303
    assert response.headers["Location"] == f"{INITIATE}&iss={quote(settings.issuer, safe='')}"


def test_an_app_that_has_only_a_home_page_is_opened_there(http):
    make_client("red", client_uri="https://red.test/")

    assert http.get("/apps/red/open").headers["Location"] == "https://red.test/"


@pytest.mark.parametrize(
    "client_id",
    [
        pytest.param("blue", id="an app that has said nothing"),
        pytest.param("nobody", id="no app"),
        pytest.param("https://evil.test/", id="an address"),
    ],
)
def test_what_cannot_be_opened_is_a_page(http, client_id):
    make_client("blue", client_uri=None)

    response = http.get(f"/apps/{client_id}/open", headers={"Accept": "text/html"})

    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert "Location" not in response.headers


def test_the_account_page_opens_an_app_that_can_be(app, http):
    ada = make_account("ada")
    clients = [make_client("red", initiate_login_uri=INITIATE), make_client("green")]
    show_session(http, make_session(ada, clients))

    html = http.get("/account").text

    assert 'id="open-app-red" href="/apps/red/open"' in html
    assert "open-app-green" not in html


def test_of_an_app_that_registered_itself_the_address_is_shown_first(app, http):
    make_client("red", first_party=False, initiate_login_uri=INITIATE, settings={"self_registered": True})

    response = http.get("/apps/red/open")

    assert (response.status_code, "Location" in response.headers) == (200, False)
    assert '<strong id="host">red.test</strong>' in response.text
    assert f'href="{INITIATE}&amp;iss=' in response.text
