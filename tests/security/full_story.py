"""Ada has signed in at red by form; red holds all that it can hold, and much is still under way.

Every artefact of that is asked for by its name whether it still works, as its holder would ask.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from provider.clients import resources
from provider.clients.models import TokenFormat
from provider.infrastructure.database import db, transaction
from provider.logout.models import Logout
from provider.sessions.queries import find_live
from tests.conftest import TurnedClock
from tests.endpoints.test_token_exchange import Service
from tests.factories import STRAIGHT_BACK, make_account
from tests.support.browsers import Page, follow, query_of, shows
from tests.support.device import Device
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, type_password

API = "https://api.test"
ACCOUNT_SCOPE = "openid profile email account"


class FullStory:
    """One person, one browser, one app with tokens, a code on its way, and three pages left open."""

    def __init__(self, app: Flask, browser: Callable[[], FlaskClient], clock: TurnedClock) -> None:
        self.app, self.browser, self.clock = app, browser, clock
        self.ada = make_account("ada")
        # ES256, because RSA takes its time.
        made = {"scope": f"{ACCOUNT_SCOPE} offline_access", "id_token_signed_response_alg": "ES256"}
        self.red = RelyingParty(app, "red", settings=STRAIGHT_BACK, **made)
        self.green = RelyingParty(app, "green", settings=STRAIGHT_BACK)
        self.service, self.tv = Service(app), Device(app)
        with transaction():
            signed = {"access_token_format": TokenFormat.JWT, "access_token_signing_alg": "ES256"}
            resources.add(API, scopes=["profile"], client=db.session.merge(self.service.client), **signed)
        self.http = browser()
        response = type_password(self.http, self.red.authorize(self.http, scope=ACCOUNT_SCOPE))
        self.tokens = self.red.exchange(query_of(response)["code"]).json
        self.code = self.red.code(self.http)
        self.exchanged = self.service.taken(self.tokens["access_token"], resource=API)["access_token"]
        self.device_code = self._let_device_in()
        self.pushed = self.red.post("/par", **self.red.request()).json["request_uri"]
        # Her sign-in lies before the pages that she has opened since.
        clock.turn(timedelta(seconds=1))
        self.consent_page = self.open(self.red.authorize(self.http, prompt="consent"))
        self.sign_in_page = self.open(self.red.authorize(self.http, prompt="login"))
        self.confirm_page = self.open(self.http.get("/session/end"))
        cookie = self.http.get_cookie("curfew_session")
        assert cookie is not None
        self.cookie = cookie.value
        self.session = found.session if (found := find_live(self.cookie)) else None
        end_read()

    def open(self, response: TestResponse) -> Page:
        return Page(self.http, follow(self.http, response))

    def _let_device_in(self) -> str:
        """A device has asked and she has let it in, but it has not come for its tokens yet."""
        begun: dict[str, str] = self.tv.begin(scope="openid profile")
        typed = self.open(self.http.get("/device")).press("continue", user_code=begun["user_code"])
        assert Page(self.http, typed).press("allow").status_code == 200
        return begun["device_code"]

    def sign_in_elsewhere(self, username: str = "ada") -> FlaskClient:
        """Another browser in which a person signs in at red by form."""
        elsewhere = self.browser()
        type_password(elsewhere, self.red.authorize(elsewhere), username)
        return elsewhere

    def api(self, method: str, path: str, token: str | None = None) -> TestResponse:
        """Ask the account API with red's access token, or with another."""
        headers = {"Authorization": f"Bearer {token or self.tokens['access_token']}"}
        return self.red.http.open(path, method=method, headers=headers)

    def living(self, names: Iterable[str] | None = None) -> set[str]:
        """The names of the artefacts that still work, of all or of these; some are used up by asking."""
        found = set()
        for name in names or ARTEFACTS:
            # A copied cookie is sent again, although the browser has deleted its own.
            self.http.set_cookie("curfew_session", self.cookie)
            if ARTEFACTS[name](self):
                found.add(name)
        return found

    def logouts(self) -> int:
        end_read()
        return db.session.scalar(select(func.count()).select_from(Logout)) or 0


def _leads_to_a_code(response: TestResponse) -> bool:
    return "code=" in response.headers.get("Location", "")


def _access_token_at_userinfo(story: FullStory) -> bool:
    response = story.red.userinfo(story.tokens["access_token"])
    assert response.status_code in (200, 401)
    return response.status_code == 200


def _access_token_at_introspection(story: FullStory) -> bool:
    # Asked by green, which is a resource server here.
    response = story.green.introspect(story.tokens["access_token"])
    assert response["active"] or response == {"active": False}
    return bool(response["active"])


def _access_token_at_the_account_api(story: FullStory) -> bool:
    response = story.api("GET", "/account/sessions")
    assert response.status_code in (200, 401)
    return response.status_code == 200


def _exchanged_token_at_introspection(story: FullStory) -> bool:
    return bool(story.service.introspect(story.exchanged)["active"])


def _refresh_token_at_introspection(story: FullStory) -> bool:
    response = story.red.post("/introspect", token=story.tokens["refresh_token"])
    return response.status_code == 200 and response.json["active"]


def _code(story: FullStory) -> bool:
    return _is_granted(story.red.exchange(story.code))


def _device_code(story: FullStory) -> bool:
    response = story.tv.poll(story.device_code)
    # The answer of a session that has ended is void, and one that was fetched is fetched once.
    assert response.status_code == 200 or response.json["error"] in ("access_denied", "invalid_grant")
    return response.status_code == 200


def _pushed_request(story: FullStory) -> bool:
    asked = {"client_id": "red", "request_uri": story.pushed}
    return _leads_to_a_code(story.http.get("/authorize", query_string=asked))


def _refresh_token(story: FullStory) -> bool:
    return _is_granted(story.red.refresh(story.tokens["refresh_token"]))


def _is_granted(response: TestResponse) -> bool:
    # A client that was disabled has no name that it could prove any more.
    assert response.status_code == 200 or response.json["error"] in ("invalid_grant", "invalid_client")
    return response.status_code == 200


def _cookie(story: FullStory) -> bool:
    response = story.red.authorize(story.http)
    alive = _leads_to_a_code(response)
    assert alive or response.status_code == 400 or "/sign-in/" in response.headers["Location"]
    return alive


def _cookie_at_another_app(story: FullStory) -> bool:
    return _leads_to_a_code(story.green.authorize(story.http))


def _silent_sign_on(story: FullStory) -> bool:
    response = story.red.authorize(story.http, prompt="none")
    alive = _leads_to_a_code(response)
    # A disabled client is not notified at all.
    assert alive or response.status_code == 400 or query_of(response)["error"] == "login_required"
    return alive


def _hint_as_sign_in(story: FullStory) -> bool:
    stranger, hint = story.browser(), story.tokens["id_token"]
    silent = story.red.authorize(stranger, prompt="none", id_token_hint=hint)
    stranger.get("/session/end", query_string={"id_token_hint": hint})
    return _leads_to_a_code(silent) or stranger.get_cookie("curfew_session") is not None


def _open_consent_page(story: FullStory) -> bool:
    return _leads_to_a_code(follow(story.http, story.consent_page.press("allow")))


def _open_sign_in_page(story: FullStory) -> bool:
    """Return whether the parked request goes on without the password that it asks for."""
    handle = story.sign_in_page.response.request.path.rpartition("/")[2]
    return _leads_to_a_code(follow(story.http, story.http.get(f"/authorize/resume/{handle}")))


def _back_button(story: FullStory) -> bool:
    """Return whether a page that was open says again who is signed in."""
    shown = story.http.get(story.confirm_page.response.request.full_path)
    account = story.http.get("/account")
    return any(shows(response.get_data(as_text=True), "Ada") for response in (shown, account))


def _confirm_page(story: FullStory) -> bool:
    """Return whether the open page still ends something; pressing it is harmless either way."""
    before = story.logouts()
    response = story.confirm_page.press("sign-out")
    assert response.status_code in (200, 303)
    return story.logouts() > before


# In this order, for some are used up by asking, and a session that lives gives out new things.
ARTEFACTS: dict[str, Callable[[FullStory], bool]] = {
    "access token at userinfo": _access_token_at_userinfo,
    "access token at introspection": _access_token_at_introspection,
    "access token at the account API": _access_token_at_the_account_api,
    "exchanged, signed token at introspection": _exchanged_token_at_introspection,
    "refresh token at introspection": _refresh_token_at_introspection,
    "code": _code,
    "refresh token": _refresh_token,
    "device code, answered": _device_code,
    "cookie": _cookie,
    "cookie at another app": _cookie_at_another_app,
    "pushed request": _pushed_request,
    "prompt=none": _silent_sign_on,
    "id_token_hint as sign-in": _hint_as_sign_in,
    "open consent page": _open_consent_page,
    "open sign-in page": _open_sign_in_page,
    "back button": _back_button,
    "open confirm page": _confirm_page,
}
TOKENS = frozenset({name for name in ARTEFACTS if "token at" in name} | {"code", "refresh token"})
NEVER = frozenset({"id_token_hint as sign-in", "open sign-in page"})
# What a session that lives still gives, after red alone has lost what it had.
OF_THE_SESSION = frozenset(ARTEFACTS) - TOKENS - NEVER
# The same when red may do nothing any more: other apps and the person's own pages.
OF_THE_SESSION_WITHOUT_RED = OF_THE_SESSION - {
    *("cookie", "pushed request", "prompt=none", "open consent page")
}
NOTHING: frozenset[str] = frozenset()
