"""Faults of other providers with cookies, tickets and sign-out must not happen here.

Each test plays an attack of docs/design/threats.md.
"""

import pytest
from sqlalchemy import select

from provider.app import create_app
from provider.delivery.models import Delivery
from provider.infrastructure import current
from provider.infrastructure.database import db
from provider.keys.jwt import UnverifiedJWT, verify_own
from provider.sessions.queries import find_live
from provider.worker.duties import expire_sessions
from tests.factories import PASSWORD, make_account, make_session
from tests.security.full_story import NOTHING, TOKENS, FullStory
from tests.security.told_story import full_story
from tests.support.browsers import Page, follow, query_of, show_session, shows
from tests.support.command import run_curfew
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press, type_password

OUT = "https://red.test/signed-out"


@pytest.fixture
def story(app, browser, turned_clock):
    return full_story(app, browser, turned_clock)


def cookie_of(browser) -> str | None:
    cookie = browser.get_cookie("curfew_session")
    return cookie.value if cookie else None


def lives(handle: str | None) -> bool:
    end_read()
    return handle is not None and find_live(handle) is not None


@pytest.mark.spec("ABU-05")
def test_the_address_of_an_open_page_is_nothing_in_a_second_browser(story, browser):
    pages = (story.sign_in_page, story.consent_page, story.confirm_page)
    addresses = [page.response.request.full_path for page in pages]
    handles = [page.response.request.path.rpartition("/")[2] for page in pages[:2]]
    addresses += [f"/authorize/resume/{handle}" for handle in handles]
    for address in addresses:
        # The thief even has a session of their own.
        thief = show_session(browser(), make_session(make_account(f"ben{addresses.index(address)}")))
        response = follow(thief, thief.get(address))

        assert "code=" not in response.headers.get("Location", "")
        assert not shows(response.text, "Ada")
        assert not Page(thief, response).buttons & {"sign-in", "allow"}
    assert story.living(["open consent page", "cookie"]) == {"open consent page", "cookie"}


@pytest.mark.spec("ABU-05")
def test_a_posted_request_belongs_to_the_first_browser_that_opens_it(story, browser):
    parked = browser().post("/session/end", data={"client_id": "red"})
    address = parked.headers["Location"]
    assert story.open(story.http.get(address)).buttons

    bens = make_session(make_account("ben"))
    late = show_session(browser(), bens)
    response = follow(late, late.get(address))

    # Ben is asked about nothing but his own session, and keeps it.
    assert not shows(response.text, "Ada")
    assert shows(response.text, "Ben")
    assert cookie_of(late) == bens.handle
    assert story.living(["cookie"])


@pytest.mark.spec("ABU-06")
def test_after_a_sign_out_elsewhere_the_next_person_gets_a_session_of_their_own(story, browser):
    """The first browser still shows the old cookie when Ben sits down at it."""
    elsewhere = browser()
    elsewhere.set_cookie("curfew_session", story.cookie)
    elsewhere.get("/session/end", query_string={"id_token_hint": story.tokens["id_token"]})
    make_account("ben")

    response = type_password(story.http, story.red.authorize(story.http), "ben")
    tokens = story.red.exchange(query_of(response)["code"]).json

    assert cookie_of(story.http) != story.cookie
    assert story.red.introspect(tokens["access_token"])["sid"] != sid_of(story)
    assert story.red.userinfo(tokens["access_token"]).json["email"] == "ben@example.test"
    assert not shows(story.http.get("/account").text, "Ada")
    assert story.living(TOKENS) == NOTHING


def sid_of(story: FullStory) -> str:
    own = UnverifiedJWT(story.tokens["id_token"])
    claims = verify_own(own, typ=frozenset({"JWT"}), audience="red", require=("sid",), allow_expired=True)
    return str(claims["sid"])


@pytest.mark.spec("ABU-07")
def test_the_next_person_in_a_browser_inherits_no_offline_grant(app, browser):
    make_account("ada")
    make_account("ben")
    red, http = RelyingParty(app, "red"), browser()
    offline = {"scope": "openid email offline_access", "prompt": "consent"}
    consent = type_password(http, red.authorize(http, **offline))
    adas = red.exchange(query_of(press(http, consent, "allow"))["code"]).json
    Page(http, follow(http, http.get("/session/end"))).press("sign-out")

    response = type_password(http, red.authorize(http), "ben")
    bens = red.refresh(red.exchange(query_of(response)["code"]).json["refresh_token"]).json

    assert red.userinfo(bens["access_token"]).json["email"] == "ben@example.test"
    assert "offline_access" not in bens["scope"]
    # Ada's app goes on acting for Ada, as she has allowed it.
    refreshed = red.refresh(adas["refresh_token"]).json
    assert red.userinfo(refreshed["access_token"]).json["email"] == "ada@example.test"


@pytest.mark.spec("ABU-56")
def test_a_ticket_that_is_sent_again_does_not_end_the_new_session(story):
    page = story.open(story.http.get("/session/end"))
    page.press("sign-out")
    type_password(story.http, story.red.authorize(story.http))
    before = story.logouts()

    page.press("sign-out")

    assert lives(cookie_of(story.http))
    assert story.logouts() == before


@pytest.mark.spec("ABU-60")
def test_a_session_that_was_ended_at_one_node_is_dead_at_every_other(story, settings):
    other_node = create_app(settings)
    at_the_other = other_node.test_client()
    at_the_other.set_cookie("curfew_session", story.cookie)
    asked = story.red.request(prompt="none")
    assert "code=" in at_the_other.get("/authorize", query_string=asked).headers["Location"]

    run_curfew("session", "end", story.session.id)

    response = at_the_other.get("/authorize", query_string=asked)
    assert query_of(response)["error"] == "login_required"
    bearer = {"Authorization": f"Bearer {story.tokens['access_token']}"}
    assert other_node.test_client().get("/userinfo", headers=bearer).status_code == 401
    with other_node.app_context():
        current.services().outbound.close()
        db.engine.dispose()


@pytest.mark.spec("ABU-66")
@pytest.mark.parametrize("sent", [{}, {"client_id": "red"}, {"client_id": "nobody"}, {"id_token_hint": "x"}])
def test_signing_out_without_a_session_is_friendly_and_asks_for_no_password(app, http, sent):
    RelyingParty(app, "red")

    response = follow(http, http.get("/session/end", query_string=sent))

    assert response.status_code == 200
    assert 'type="password"' not in response.get_data(as_text=True)


@pytest.mark.spec("ABU-74")
def test_every_ticket_works_once(story):
    allowed = story.consent_page.press("allow")
    resume = allowed.headers["Location"]
    assert "code=" in story.http.get(resume).headers["Location"]
    assert "code=" not in follow(story.http, story.http.get(resume)).headers.get("Location", "")
    assert "code=" not in follow(story.http, story.consent_page.press("allow")).headers.get("Location", "")

    page = story.sign_in_page
    first = page.press("sign-in", username="ada", password=PASSWORD)
    assert "code=" in follow(story.http, first).headers["Location"]
    again = page.press("sign-in", username="ada", password=PASSWORD)
    assert "code=" not in follow(story.http, again).headers.get("Location", "")

    assert story.red.exchange(story.code).status_code == 200
    assert story.red.exchange(story.code).json["error"] == "invalid_grant"


@pytest.mark.spec("ABU-81")
def test_after_the_sign_out_the_cookie_is_gone_and_the_next_visit_asks_who_is_there(story):
    response = story.http.get(
        "/session/end",
        query_string={"id_token_hint": story.tokens["id_token"], "post_logout_redirect_uri": OUT},
    )

    assert response.headers["Location"] == OUT
    assert cookie_of(story.http) is None
    assert "sign-in" in story.open(story.red.authorize(story.http)).buttons


@pytest.mark.spec("ABU-82")
@pytest.mark.parametrize("swept", [False, True])
def test_a_sign_out_whose_session_has_expired_is_answered_and_ends_what_hangs_on_it(story, swept):
    story.clock.turn(current.settings().session_idle_lifetime)
    if swept:
        expire_sessions()
    sent = {"id_token_hint": story.tokens["id_token"], "post_logout_redirect_uri": OUT}

    response = follow(story.http, story.http.get("/session/end", query_string=sent))
    expire_sessions()

    assert response.headers.get("Location") == OUT or response.status_code == 200
    assert story.living(TOKENS) == NOTHING
    assert story.logouts() == 1
    assert len(db.session.scalars(select(Delivery)).all()) == 1


@pytest.mark.spec("ABU-83")
def test_two_apps_that_sign_out_one_after_the_other_are_both_led_back(story):
    greens = story.green.sign_in(story.http)
    asked = [
        (story.tokens["id_token"], OUT),
        (greens["id_token"], "https://green.test/signed-out"),
    ]

    for hint, out in asked:
        sent = {"id_token_hint": hint, "post_logout_redirect_uri": out, "state": "s"}
        response = story.http.get("/session/end", query_string=sent)
        assert response.headers["Location"] == f"{out}?state=s"
    assert story.logouts() == 1


@pytest.mark.spec("ABU-99")
def test_a_client_that_was_removed_meanwhile_breaks_no_sign_out(story):
    story.green.sign_in(story.http)
    run_curfew("client", "remove", "red", "--yes")
    sent = {"id_token_hint": story.tokens["id_token"], "post_logout_redirect_uri": OUT}

    page = story.open(story.http.get("/session/end", query_string=sent))
    done = page.press("sign-out")

    assert done.headers["Location"].startswith("/session/ended/")
    assert story.http.get(done.headers["Location"]).status_code == 200
    assert story.logouts() == 1
    owed = set(db.session.scalars(select(Delivery.recipient_id)))
    assert owed == {story.red.client.id, story.green.client.id}
