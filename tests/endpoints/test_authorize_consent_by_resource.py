"""`/authorize` remembers what the consent page named: scopes, claims and resource servers (rfc8707)."""

import pytest
from sqlalchemy import select, update

from provider.audit.models import AuditEvent
from provider.clients import resources
from provider.grants.models import Grant
from provider.infrastructure.database import change, db, transaction
from provider.protocol.grant_types import DEVICE_CODE
from tests.factories import make_session
from tests.support.browsers import ISSUER, Page, follow, query_of
from tests.support.device import Device
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CALENDAR, PAYMENTS = "https://calendar.test/", "https://payments.test/"
SCOPE = "openid read"


@pytest.fixture(autouse=True)
def servers(app):
    with transaction():
        resources.add(CALENDAR, name="Calendar", scopes=["read", "write"])
        resources.add(PAYMENTS, name="Payments", scopes=["read", "write"])


@pytest.fixture
def blue(app):
    return RelyingParty(app, "blue", first_party=False, scope="openid email read write offline_access")


def silently(rp, browser, **asked):
    return query_of(rp.authorize(browser, prompt="none", **({"scope": SCOPE} | asked)))


@pytest.mark.spec("rfc8707 1")
def test_consent_to_one_server_opens_no_other(signed_in, blue):
    """The attack: the page named Calendar, and the next request asks for Payments without a page."""
    code = query_of(press(signed_in, blue.authorize(signed_in, scope=SCOPE, resource=CALENDAR), "allow"))[
        "code"
    ]
    tokens = blue.exchange(code).json

    assert silently(blue, signed_in, resource=PAYMENTS)["error"] == "consent_required"
    assert silently(blue, signed_in, resource=[CALENDAR, PAYMENTS])["error"] == "consent_required"
    assert silently(blue, signed_in)["error"] == "consent_required"
    assert blue.refresh(tokens["refresh_token"], resource=PAYMENTS).json["error"] == "invalid_target"

    # Whom it was meant for goes on as before, in this browser and without the servers at all.
    assert "code" in silently(blue, signed_in, resource=CALENDAR)
    assert "code" in silently(blue, signed_in, resource=[CALENDAR, ISSUER])
    assert "code" in silently(blue, signed_in, scope="openid")


def test_the_page_asks_about_the_other_server_and_both_are_remembered(signed_in, blue):
    press(signed_in, blue.authorize(signed_in, scope=SCOPE, resource=CALENDAR), "allow")

    page = Page(signed_in, follow(signed_in, blue.authorize(signed_in, scope=SCOPE, resource=PAYMENTS)))
    assert "Payments" in page.html
    follow(signed_in, page.press("allow"))

    assert "code" in silently(blue, signed_in, resource=[CALENDAR, PAYMENTS])
    end_read()
    grant = db.session.scalars(select(Grant)).one()
    assert grant.consented_to == {CALENDAR: ["openid", "read"], PAYMENTS: ["openid", "read"]}
    named = select(AuditEvent).where(AuditEvent.tag == "consent_given").order_by(AuditEvent.id)
    assert [entry.detail["resources"] for entry in db.session.scalars(named)] == [CALENDAR, PAYMENTS]


@ON_SQLITE
def test_a_scope_is_remembered_with_the_server_that_it_was_named_with(signed_in, blue):
    press(signed_in, blue.authorize(signed_in, scope="openid read", resource=CALENDAR), "allow")
    press(signed_in, blue.authorize(signed_in, scope="openid write", resource=PAYMENTS), "allow")

    assert silently(blue, signed_in, scope="write", resource=CALENDAR)["error"] == "consent_required"
    assert "code" in silently(blue, signed_in, scope="write", resource=PAYMENTS)


@ON_SQLITE
def test_what_a_device_was_let_in_with_is_no_more_than_its_page_named(app, signed_in, ada):
    grant_types = ["authorization_code", DEVICE_CODE]
    tv = Device(app, public=False, application_type="web", redirect_uris=["https://tv.test/callback"],
                grant_types=grant_types, scope=SCOPE)  # fmt: skip
    tv.sign_in_by(make_session(ada), scope=SCOPE, resource=CALENDAR)

    assert "code" in silently(tv, signed_in, resource=CALENDAR)
    assert silently(tv, signed_in, resource=PAYMENTS)["error"] == "consent_required"


def test_a_consent_of_the_previous_release_named_no_server(signed_in, blue):
    press(signed_in, blue.authorize(signed_in, scope=SCOPE), "allow")
    with transaction():
        change(update(Grant).values(consented_to=None))

    assert "code" in silently(blue, signed_in)
    assert silently(blue, signed_in, resource=CALENDAR)["error"] == "consent_required"


@ON_SQLITE
def test_what_was_given_without_asking_is_not_taken_for_agreed(signed_in, app):
    """An app of the operator's was asked about one scope, and then given into other hands."""
    rp = RelyingParty(app, scope="openid email read write")
    rp.sign_in(signed_in, scope="openid email write")
    press(signed_in, rp.authorize(signed_in, scope="openid read", prompt="consent"), "allow")
    with transaction():
        rp.client.first_party = False

    assert "code" in silently(rp, signed_in, scope="openid read")
    assert silently(rp, signed_in, scope="openid email")["error"] == "consent_required"
