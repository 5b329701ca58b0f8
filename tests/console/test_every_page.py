"""Rules for every page of the console: who reaches it, how it is built, what it never shows."""

import re
from itertools import product
from uuid import uuid4

import pytest
from sqlalchemy import select

from provider.accounts.roles import Role
from provider.clients.models import Client
from provider.console import GROUP
from provider.delivery.models import Delivery
from provider.grants.models import Grant
from provider.infrastructure.database import db
from provider.logout.models import BulkLogout, Logout
from tests.console.conftest import give_role, sign_in
from tests.factories import PASSWORD
from tests.pages.test_every_page import Outline
from tests.support import busy_day
from tests.support.browsers import follow

pytestmark = pytest.mark.lengthy

OPEN = {"callback", "switch", "static"}
LEAST_ROLE = {
    **dict.fromkeys(
        ("delivery_submit", "resend", "resend_submit", "end_sessions", "end_sessions_submit", "everywhere"),
        Role.OPERATOR,
    ),
    **dict.fromkeys(
        ("everywhere_submit", "revoke_grant", "revoke_grant_submit", "access", "access_submit"), Role.OPERATOR
    ),
    **dict.fromkeys(
        ("deliveries_submit", "end_chosen", "end_chosen_submit", "client_endpoint"), Role.OPERATOR
    ),
    **dict.fromkeys(("reset", "reset_submit", "doctor", "doctor_submit"), Role.OPERATOR),
    **dict.fromkeys(("incident", "incident_confirm", "incident_submit"), Role.OPERATOR),
    **dict.fromkeys(("bulk_logout", "bulk_logout_steer", "bulk_logout_progress"), Role.OPERATOR),
    **dict.fromkeys(("client_new", "client_register", "client_edit", "client_change"), Role.ADMINISTRATOR),
    **dict.fromkeys(("client_secret", "client_secret_submit"), Role.ADMINISTRATOR),
    **dict.fromkeys(("client_access", "client_access_submit"), Role.ADMINISTRATOR),
    **dict.fromkeys(("keys_change", "keys_change_submit", "role", "role_submit"), Role.ADMINISTRATOR),
}
GUARDED = [route for route in GROUP.routes if route.name not in OPEN]
POSTS = [route for route in GUARDED if "POST" in route.methods]


@pytest.fixture(scope="module")
def busy(day):
    """A provider with a day behind it; its people, and the values of the variable parts of addresses."""
    return day.people, variables()


def variables() -> dict[str, str]:
    """The values of the variable parts of addresses at a provider with a day behind it."""
    notified = select(Logout.id).where(Logout.notifications > 1)
    offline = db.session.scalars(select(Grant).where(Grant.offline).limit(1)).one()
    return {
        "account_id": str(offline.account_id),
        "grant_id": str(offline.id),
        "logout_id": str(db.session.scalars(notified.limit(1)).one()),
        "client_pk": str(db.session.scalars(select(Client.id).where(Client.client_id == "hostile")).one()),
        "bulk_logout_id": str(db.session.scalars(select(BulkLogout.id)).one()),
        "delivery_id": str(db.session.scalars(select(Delivery.id).limit(1)).one()),
    }


@pytest.fixture
def browser(day):
    """Makes browsers; Cleo administers at the beginning of each test."""
    give_role(day.people["cleo"], Role.ADMINISTRATOR)
    return day.app.test_client


def path_of(route, values) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda part: values.get(part[1], str(uuid4())), route.rule)


def pages(busy) -> list[str]:
    _people, values = busy
    return [path_of(route, values) for route in GUARDED if "GET" in route.methods]


def test_a_role_reaches_what_its_permissions_allow_and_nothing_else(busy, browser):
    people, values = busy
    for role in Role:
        give_role(people["cleo"], role)
        http = browser()
        assert sign_in(http, "cleo").status_code == 200
        for route, method in ((one, method) for one in GUARDED for method in one.methods):
            least = LEAST_ROLE.get(route.name, Role.VIEWER)
            response = http.open(path_of(route, values), method=method)
            text = response.get_data(as_text=True)
            is_refused = response.status_code == 403 and "Your role does not allow this" in text
            assert is_refused == (role.rank < least.rank), (role, method, route.rule)


def test_a_visitor_and_a_person_without_a_role_learn_nothing(busy, browser):
    people, values = busy
    ada, stranger = browser(), browser()
    sign_in(ada, "ada")
    for route, method in ((one, method) for one in GUARDED for method in one.methods):
        address = path_of(route, values)
        assert stranger.open(address, method=method).status_code == 303, address
        shown = follow(ada, ada.open(address, method=method)) if method == "GET" else None
        assert shown is None or shown.status_code == 403, address
    assert people["ada"].role is None


def test_a_form_of_another_page_or_without_a_token_changes_nothing(busy, browser):
    people, values = busy
    http = browser()
    sign_in(http, "cleo")
    delivery = http.get(f"/admin/deliveries/{values['delivery_id']}").get_data(as_text=True)
    token = re.search(r'name="csrf" value="([^"]+)"', delivery)
    for route in POSTS:
        address = path_of(route, values)
        assert http.post(address, data={}).status_code == 403, address
        if token and route.name != "delivery_submit":
            assert http.post(address, data={"csrf": token[1]}).status_code == 403, address
    assert people["cleo"].role == Role.ADMINISTRATOR


def test_a_dangerous_page_asks_for_a_recent_sign_in(busy, browser, turned_clock):
    people, values = busy
    http = browser()
    sign_in(http, "cleo")
    turned_clock.turn(busy_day.LONG_AGO)
    address = f"/admin/people/{values['account_id']}/access"

    asked = http.get(address)
    assert "max_age=600" in asked.headers["Location"]
    form = follow(http, asked)

    assert 'id="sign-in"' in form.get_data(as_text=True)
    assert http.post(address, data={}).status_code == 303
    assert people["cleo"].disabled_at is None


def test_every_page_is_well_built(busy, browser):
    http = browser()
    sign_in(http, "cleo")
    for address in pages(busy):
        html = http.get(address).get_data(as_text=True)
        outline = Outline(html)
        if "<html" not in html:
            continue
        ids = [attrs["id"] for _tag, attrs in outline.tags if "id" in attrs]
        labelled = {attrs["for"] for attrs in outline.all("label") if "for" in attrs}
        assert len(outline.all("h1")) == 1, address
        assert outline.all("a")[0] == {"class": "skip", "href": "#content"}, address
        assert len(ids) == len(set(ids)), address
        for field in (*outline.all("input"), *outline.all("select"), *outline.all("textarea")):
            is_named = field.get("id") in labelled or field.get("aria-label")
            assert field.get("type") in ("hidden", "checkbox", "radio") or is_named, (address, field)
        names = {name for _tag, attrs in outline.tags for name in attrs}
        assert not [name for name in names if name == "style" or name.startswith("on")], address
        ours = ("/admin/static/", "/static/")
        assert all((attrs["src"] or "").startswith(ours) for attrs in outline.all("script"))


def test_a_hostile_name_is_text_and_reorders_nothing(busy, browser):
    http = browser()
    sign_in(http, "cleo")
    people, _values = busy
    for address in (*pages(busy), f"/admin/people/{people['ada'].id}"):
        html = http.get(address).get_data(as_text=True)
        assert "<script>alert" not in html, address
        assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(html), address
        assert 'href="javascript:' not in html.lower(), address
    own = sign_in(browser(), "ada", "/account").get_data(as_text=True)
    assert "&lt;script&gt;alert(1)" in own
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(own)


def test_no_page_shows_a_secret(busy, browser):
    http = browser()
    sign_in(http, "cleo")
    people, _values = busy
    session, console = http.get_cookie("curfew_session"), http.get_cookie("curfew_console")
    secrets = [PASSWORD, session.value, console.value, people["ada"].password_hash]
    secrets += ["red-secret-of-thirty-two-letters", "cfs_", "cfa_", "cfr_", "$argon2"]
    for address in (*pages(busy), f"/admin/people/{people['ada'].id}"):
        html = http.get(address).get_data(as_text=True)
        assert not [one for one, where in product(secrets, [html]) if one and one in where], address
