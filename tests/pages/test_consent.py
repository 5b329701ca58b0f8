"""The consent page: who asks for what, and whose answer it is."""

import pytest
from sqlalchemy import select, update

from provider.audit.models import AuditEvent
from provider.clients import resources
from provider.clients.models import Client
from provider.infrastructure.database import change, db, transaction
from provider.interactions.models import Interaction
from provider.sessions.models import Session
from tests.factories import make_account, make_client, make_session
from tests.support.browsers import Page, show_session

SCOPE = "openid email offline_access invoices:read"


@pytest.fixture
def green(app):
    return make_client("green", first_party=False, client_name="Green", scope=SCOPE)


@pytest.fixture
def ada(app, http):
    account = make_account("ada")
    show_session(http, make_session(account))
    return account


def consent_page(browser, parked, green):
    handle = parked(browser, green, consent_scope=SCOPE)
    return handle, Page(browser, browser.get(f"/consent/{handle}"))


def test_the_page_says_who_asks_for_what_and_until_when(http, parked, green, ada):
    _handle, page = consent_page(http, parked, green)

    assert {"allow", "deny"} <= page.buttons
    for words in (
        "Green",
        "green.test",
        "See your e-mail address",
        "invoices:read",
        "signing out everywhere",
    ):
        assert words in page.html
    assert '<time datetime="' in page.html
    assert "See your postal address" not in page.html


@pytest.mark.spec("rfc8707 1")
def test_the_page_names_the_servers_that_the_app_wants_to_turn_to(http, parked, green, ada):
    with transaction():
        resources.add("https://orders.test/", name="Orders <b>", scopes=["invoices:read"])
        resources.add("https://files.test/", scopes=["invoices:read"])
    asked = "https://files.test/ https://orders.test/ https://gone.test/"
    handle = parked(http, green, consent_scope=SCOPE, resource=asked)

    page = Page(http, http.get(f"/consent/{handle}"))

    named = "https://files.test/, Orders &lt;b&gt; (https://orders.test/)."
    assert f"It can use this access at: {named}" in page.html
    assert 'id="servers"' not in consent_page(http, parked, green)[1].html


@pytest.mark.spec("SEC-1017")
def test_an_app_that_registered_itself_is_said_to_be_unchecked(http, parked, green, ada):
    _handle, before = consent_page(http, parked, green)
    with transaction():
        change(update(Client).values(self_registered=True))
    _handle, after = consent_page(http, parked, green)

    assert 'id="unchecked"' not in before.html
    assert 'id="unchecked"' in after.html


@pytest.mark.spec("core 16")
def test_single_claims_are_named_and_agreed_to_with_the_rest(http, parked, green, ada):
    claims = ["birthdate", "phone_number", "phone_number_verified"]
    handle = parked(http, green, consent_scope="openid", consent_claims=claims)
    page = Page(http, http.get(f"/consent/{handle}", headers={"Accept-Language": "de"}))

    page.press("allow")

    assert 'id="claims">Geburtstag, Telefonnummer</span>' in page.html
    interaction = db.session.scalars(select(Interaction), execution_options={"populate_existing": True}).one()
    assert interaction.answers["consented_claims"] == claims


@pytest.mark.parametrize(
    ("button", "noted", "tag"),
    [
        pytest.param(
            "allow", {"consented_scope": SCOPE, "consented_claims": []}, "consent_given", id="allow"
        ),
        pytest.param("deny", {"denied": True}, "consent_denied", id="deny"),
    ],
)
def test_the_answer_is_noted_as_this_persons_and_leads_back(http, parked, green, ada, button, noted, tag):
    handle, page = consent_page(http, parked, green)

    response = page.press(button)

    assert (response.status_code, response.headers["Location"]) == (303, f"/authorize/resume/{handle}")
    interaction = db.session.scalars(select(Interaction), execution_options={"populate_existing": True}).one()
    session = db.session.scalars(select(Session)).one()
    by = {"consented_by": str(ada.id), "consented_in": f"{session.id} 0"}
    assert interaction.answers == {"consent_scope": SCOPE} | by | noted
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == tag)).one()
    assert (entry.account_id, entry.client_id) == (ada.id, "green")


def test_an_empty_answer_shows_the_page_again(http, parked, green, ada):
    handle, page = consent_page(http, parked, green)

    again = http.post(f"/consent/{handle}", data=page.fields)

    assert again.status_code == 200
    assert "Choose whether to allow this." in again.text


def test_consent_needs_a_signed_in_person(http, parked, green):
    handle, _page = consent_page(http, parked, green)

    for response in (
        http.get(f"/consent/{handle}"),
        http.post(f"/consent/{handle}", data={"answer": "allow"}),
    ):
        assert response.headers["Location"] == f"/authorize/resume/{handle}"
    assert db.session.scalars(select(Interaction)).one().answers == {"consent_scope": SCOPE}


def test_what_was_not_asked_is_not_answered(http, parked, green, ada):
    handle = parked(http, green)

    response = http.post(f"/consent/{handle}", data={"answer": "allow"})

    assert response.headers["Location"] == f"/authorize/resume/{handle}"
    answers = db.session.scalars(select(Interaction)).one().answers
    assert not answers.keys() & {"consented_scope", "consented_by", "denied"}


def test_a_page_that_ada_opened_is_not_answered_by_ben(http, parked, green, ada):
    _handle, page = consent_page(http, parked, green)
    show_session(http, make_session(make_account("ben")))

    assert page.press("allow").status_code == 403


def test_another_browsers_page_is_gone(http, browser, parked, green, ada):
    handle, page = consent_page(http, parked, green)

    assert browser().post(f"/consent/{handle}", data=page.fields | {"answer": "allow"}).status_code == 410


def test_an_app_that_can_sign_a_person_out_everywhere_says_so(http, parked, ada):
    phone = make_client(
        "phone",
        first_party=False,
        scope="openid account",
        application_type="native",
        redirect_uris=["http://127.0.0.1/callback"],
    )
    handle = parked(http, phone, consent_scope="openid account")

    page = Page(http, http.get(f"/consent/{handle}"))

    assert "it can sign you out everywhere" in page.html


@pytest.mark.spec("rfc8252 1")
@pytest.mark.parametrize(
    ("redirect_uri", "named"),
    [
        pytest.param("https://phone.test/callback", "phone.test", id="the host that the app has claimed"),
        pytest.param("http://127.0.0.1/callback", "An app on this device", id="any program that listens"),
        pytest.param("com.example.phone:/callback", "An app on this device", id="any app with that scheme"),
    ],
)
def test_a_native_app_is_named_by_what_is_known_of_it(http, parked, ada, redirect_uri, named):
    phone = make_client(
        "phone", first_party=False, application_type="native", redirect_uris=[redirect_uri], client_uri=None
    )
    handle = parked(http, phone, consent_scope="openid")

    assert f'<span class="small">{named}</span>' in http.get(f"/consent/{handle}").text
