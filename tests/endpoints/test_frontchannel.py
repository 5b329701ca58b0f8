"""Front-Channel Logout 1.0, where the setting offers it: the page between a logout and the way on."""

import html
import re
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

from provider.delivery.models import Delivery
from provider.infrastructure.database import db, transaction
from provider.logout.end_client_session import end_client_session
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions.queries import find_live
from tests.factories import STRAIGHT_BACK, make_account, make_client, make_session
from tests.support.browsers import ISSUER, Page, follow, id_token_of, query_of, show_session

DISCOVERY = "/.well-known/openid-configuration"
RED_OUT = "https://red.test/signed-out"
FRAME = re.compile(r'<iframe src="([^"]*)"')


@pytest.fixture
def offered():
    return True


@pytest.fixture
def settings(settings, offered):
    return replace(settings, frontchannel_logout=offered)


class Story:
    """Ada is signed in at red, green and blue in one browser; red and green take part, blue does not."""

    def __init__(self, browser) -> None:
        self.ada = make_account("ada")
        self.red = make_client(
            "red", frontchannel_logout_uri="https://red.test/gone?keep=a%26b", settings=STRAIGHT_BACK
        )
        self.green = make_client(
            "green",
            frontchannel_logout_uri="https://green.test:8443/gone",
            redirect_uris=["https://green.test:8443/callback"],
            frontchannel_logout_session_required=True,
        )
        self.clients = [self.red, self.green, make_client("blue")]
        self.made = make_session(self.ada, self.clients)
        self.http = show_session(browser(), self.made)

    def end(self, **changes: str):
        asked = {
            "id_token_hint": id_token_of(self.red, self.made.grants["red"]),
            "post_logout_redirect_uri": RED_OUT,
            "state": 'a "state" & <more>',
        }
        return self.http.get("/session/end", query_string=asked | changes)

    def confirm(self, *buttons: str):
        response = self.http.get("/session/end", query_string={"client_id": "red"})
        for button in buttons:
            response = Page(self.http, follow(self.http, response)).press(button)
        return response

    def sids(self, made=None) -> dict[str, str]:
        client_sessions = (made or self.made).client_sessions
        return {name: client_sessions[name].sid for name in ("red", "green")}


@pytest.fixture
def story(browser):
    return Story(browser)


def frames_of(response) -> list[str]:
    return [html.unescape(found) for found in FRAME.findall(response.get_data(as_text=True))]


def sids_of(response) -> dict[str, str]:
    """The parameters of each app's frame, by the app's name."""
    return {
        str(urlsplit(frame).hostname).partition(".")[0]: parse_qs(urlsplit(frame).query)["sid"][0]
        for frame in frames_of(response)
    }


def onward(response) -> str:
    return html.unescape(re.search(r'id="continue" href="([^"]*)"', response.get_data(as_text=True))[1])


@pytest.mark.spec("frontchannel 5")
def test_an_ending_loads_the_page_of_each_app_that_has_one_and_then_leads_back(story):
    ended = story.end()
    shown = story.http.get(ended.headers["Location"])

    assert ended.status_code == 303
    assert ended.headers["Location"].startswith("/session/ended/")
    assert ended.headers["Clear-Site-Data"] == '"storage"'
    assert find_live(story.made.handle) is None
    assert sids_of(shown) == story.sids()
    assert onward(shown) == f"{RED_OUT}?state=a%20%22state%22%20%26%20%3Cmore%3E"
    assert shown.headers["Cache-Control"] == "no-store"


@pytest.mark.spec("frontchannel 2")
def test_a_frame_has_iss_and_sid_and_keeps_the_query_that_was_registered(story):
    shown = story.http.get(story.end().headers["Location"])

    red = next(frame for frame in frames_of(shown) if "red.test" in frame)
    assert red.startswith("https://red.test/gone?keep=a%26b&")
    assert parse_qs(urlsplit(red).query) == {
        "keep": ["a&b"],
        "iss": [ISSUER],
        "sid": [story.made.client_sessions["red"].sid],
    }


def test_the_page_may_hold_frames_of_these_apps_alone(story):
    shown = story.http.get(story.end().headers["Location"])

    policy = shown.headers["Content-Security-Policy"].split("; ")
    frame_src = next(directive.split() for directive in policy if directive.startswith("frame-src"))
    assert sorted(frame_src[1:]) == ["https://green.test:8443", "https://red.test"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert shown.headers["X-Frame-Options"] == "DENY"


def test_without_javascript_the_page_leads_on_by_itself_and_by_a_link(story):
    shown = story.http.get(story.end().headers["Location"]).get_data(as_text=True)

    refresh = re.search(r'<noscript><meta http-equiv="refresh" content="\d;url=([^"]*)">', shown)
    assert html.unescape(refresh[1]).startswith(f"{RED_OUT}?state=")
    assert 'id="continue"' in shown
    assert "<script>" not in shown


@pytest.mark.parametrize(
    ("buttons", "notified"),
    [
        pytest.param(("sign-out",), {"red", "green"}, id="sign out of this browser"),
        pytest.param(("sign-out-this-app",), {"red"}, id="sign out of this app"),
        pytest.param(
            ("sign-out-everywhere", "sign-out-everywhere-confirm"), {"red", "green"}, id="sign out everywhere"
        ),
    ],
)
def test_each_verb_loads_the_apps_that_it_ends_in_this_browser(story, buttons, notified):
    elsewhere = make_session(story.ada, story.clients)

    ended = story.confirm(*buttons)
    shown = story.http.get(ended.headers["Location"])

    assert sids_of(shown) == {name: sid for name, sid in story.sids().items() if name in notified}
    assert not set(sids_of(shown).values()) & set(story.sids(elsewhere).values())
    result = story.http.get(onward(shown))
    assert result.status_code == 200
    assert "Red" in result.get_data(as_text=True)


@pytest.mark.parametrize(
    ("elsewhere", "notified"),
    [
        pytest.param(False, {"red", "green"}, id="this browser's own"),
        pytest.param(True, set(), id="another browser's, while this one's lives on"),
    ],
)
def test_the_account_page_loads_the_apps_of_this_browser_alone(story, elsewhere, notified):
    other = make_session(story.ada, story.clients)
    button = f"sign-out-session-{other.session.id}" if elsewhere else "sign-out"

    ended = Page(story.http, story.http.get("/account")).press(button)
    shown = story.http.get(ended.headers["Location"])

    assert shown.status_code == 200
    assert (find_live(story.made.handle) is not None) == elsewhere
    assert sids_of(shown) == {name: sid for name, sid in story.sids().items() if name in notified}


def test_an_app_that_was_signed_out_before_is_not_loaded_again(story):
    with transaction():
        end_client_session(
            story.made.client_sessions["green"], Cause(reason=LogoutReason.USER, initiator="account")
        )

    shown = story.http.get(story.end().headers["Location"])

    assert set(sids_of(shown)) == {"red"}


def test_a_hint_without_a_cookie_ends_and_loads_its_own_app(story, browser):
    story.http = browser()

    ended = Page(story.http, follow(story.http, story.end())).press("sign-out")
    shown = story.http.get(ended.headers["Location"])

    assert sids_of(shown) == {"red": story.sids()["red"]}
    assert find_live(story.made.handle) is not None


def test_a_cross_site_post_ends_and_loads_as_well(story):
    hint = id_token_of(story.red, story.made.grants["red"])

    ended = story.http.post("/session/end", data={"id_token_hint": hint})

    assert sids_of(story.http.get(ended.headers["Location"])) == story.sids()


@pytest.mark.spec("THR-21")
def test_frames_do_not_count_as_notified(story):
    story.http.get(story.end().headers["Location"])

    states = db.session.scalars(select(Delivery.state)).all()
    assert states == ["pending"] * 3


def test_the_page_is_for_this_browser_alone(story, browser):
    address = story.end().headers["Location"]
    result = address.partition("/frontchannel/")[0]

    stolen = browser().get(address)
    made_up = story.http.get(f"{result}/frontchannel/{'x' * 43}")

    assert {stolen.headers["Location"], made_up.headers["Location"]} == {result}


def test_the_page_can_be_loaded_again(story):
    address = story.end().headers["Location"]

    assert frames_of(story.http.get(address)) == frames_of(story.http.get(address))


def test_no_app_takes_part_no_page(http):
    blue = make_client("blue", settings=STRAIGHT_BACK)
    made = make_session(make_account("ada"), [blue])
    hint = id_token_of(blue, made.grants["blue"])

    ended = show_session(http, made).get(
        "/session/end",
        query_string={"id_token_hint": hint, "post_logout_redirect_uri": "https://blue.test/signed-out"},
    )

    assert ended.headers["Location"] == "https://blue.test/signed-out"


def test_it_costs_the_same_however_many_apps_take_part(browser, statements):
    counts = []
    for number in (1, 4):
        clients = [
            make_client(name, frontchannel_logout_uri=f"https://{name}.test/gone")
            for name in (f"rp{number}{letter}" for letter in "abcd"[:number])
        ]
        made = make_session(make_account(f"person{number}"), clients)
        hint = id_token_of(clients[0], made.grants[clients[0].client_id])
        visitor = show_session(browser(), made)
        with statements() as seen:
            ended = visitor.get("/session/end", query_string={"id_token_hint": hint})
        assert len(frames_of(visitor.get(ended.headers["Location"]))) == number
        counts.append(len([one for one in seen if "INSERT INTO deliver" not in one]))

    assert counts[0] == counts[1]


@pytest.mark.spec("frontchannel 1")
def test_the_metadata_offers_it(http):
    document = http.get(DISCOVERY).json

    assert document["frontchannel_logout_supported"] is True
    assert document["frontchannel_logout_session_supported"] is True


@pytest.mark.parametrize("offered", [False])
def test_without_the_setting_the_browser_goes_straight_on(story, offered, statements):
    with statements() as seen:
        ended = story.end(state="s")

    assert query_of(ended) == {"state": "s"}
    assert ended.headers["Location"].startswith(RED_OUT)
    assert not any("interaction" in statement for statement in seen)
    assert not any(name.startswith("frontchannel") for name in story.http.get(DISCOVERY).json)
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 3
