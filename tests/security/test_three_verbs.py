"""Three verbs, never mixed up (design §3): what each of them ends, what lives on, who is notified."""

from collections import Counter
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from provider.clients.models import Client
from provider.delivery.models import Delivery
from provider.infrastructure.database import change, db, transaction
from tests.factories import make_account
from tests.support.browsers import Page, follow, query_of
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press, type_password

SCOPE = "openid profile email account offline_access"


class TwoBrowsers:
    """Ada is signed in here and elsewhere; one app in each browser may act while she is away. Ben is too."""

    def __init__(self, app, browser: Callable[[], FlaskClient]) -> None:
        make_account("ada")
        make_account("ben")
        fast = {"id_token_signed_response_alg": "ES256"}
        self.red = RelyingParty(app, "red", scope=SCOPE, **fast)
        self.green, self.blue = RelyingParty(app, "green", **fast), RelyingParty(app, "blue", **fast)
        self.here, self.elsewhere, self.bens = browser(), browser(), browser()
        self.tokens = {
            "red here": (self.red, self._sign_in(self.red, self.here)),
            "green here, offline": (self.green, self._allow(self.green, self.here)),
            "red elsewhere": (self.red, self._sign_in(self.red, self.elsewhere)),
            "blue elsewhere, offline": (self.blue, self._allow(self.blue, self.elsewhere)),
            "red of Ben": (self.red, self._sign_in(self.red, self.bens, "ben")),
        }

    def _sign_in(self, rp: RelyingParty, browser: FlaskClient, username: str = "ada"):
        response = type_password(browser, rp.authorize(browser, scope="openid account"), username)
        return rp.exchange(query_of(response)["code"]).json

    def _allow(self, rp: RelyingParty, browser: FlaskClient):
        asked = rp.authorize(browser, scope="openid offline_access", prompt="consent")
        return rp.exchange(query_of(press(browser, asked, "allow"))["code"]).json

    def living(self) -> set[str]:
        """Return what still works: sign-ins of browsers, and tokens, on which every endpoint must agree."""
        browsers = {
            "this browser": self.here,
            "the other browser": self.elsewhere,
            "Ben's browser": self.bens,
        }
        found = {name for name, one in browsers.items() if "code=" in self._silent_sign_on(one)}
        for name, (rp, tokens) in self.tokens.items():
            active = rp.introspect(tokens["access_token"])["active"]
            assert rp.introspect(tokens["refresh_token"])["active"] == active
            assert (rp.userinfo(tokens["access_token"]).status_code == 200) == active
            assert (rp.refresh(tokens["refresh_token"]).status_code == 200) == active
            found |= {name} if active else set()
        return found

    def _silent_sign_on(self, browser: FlaskClient) -> str:
        return self.blue.authorize(browser, prompt="none").headers["Location"]

    def notified(self) -> Counter[str]:
        end_read()
        owed = select(Client.client_id).join(Delivery, Delivery.recipient_id == Client.id)
        return Counter(db.session.scalars(owed))

    def page(self, path: str) -> Page:
        return Page(self.here, follow(self.here, self.here.get(path)))

    def api(self, method: str, path: str):
        token = self.tokens["red here"][1]["access_token"]
        return self.red.http.open(path, method=method, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def two(app, browser) -> TwoBrowsers:
    return TwoBrowsers(app, browser)


def app_by_confirm_page(two: TwoBrowsers) -> None:
    two.page("/session/end?client_id=red").press("sign-out-this-app")


def app_by_account_page(two: TwoBrowsers) -> None:
    two.page("/account").press("sign-out-app-red")


def offline_app_by_account_page(two: TwoBrowsers) -> None:
    two.page("/account").press("sign-out-app-green")


def disconnected_by_account_page(two: TwoBrowsers) -> None:
    two.page("/account").press("disconnect-green")


def browser_by_hint(two: TwoBrowsers) -> None:
    two.here.get("/session/end", query_string={"id_token_hint": two.tokens["red here"][1]["id_token"]})


def browser_by_confirm_page(two: TwoBrowsers) -> None:
    two.page("/session/end").press("sign-out")


def browser_by_account_page(two: TwoBrowsers) -> None:
    two.page("/account").press("sign-out")


def browser_by_api(two: TwoBrowsers) -> None:
    (own,) = [one for one in two.api("GET", "/account/sessions").json["sessions"] if one["current"]]
    assert two.api("DELETE", f"/account/sessions/{own['id']}").status_code == 204


def browser_of_a_client_that_keeps_nothing(two: TwoBrowsers) -> None:
    with transaction():
        change(update(Client).where(Client.client_id == "green").values(offline_policy="revoke"))
    browser_by_confirm_page(two)


def everywhere_by_confirm_page(two: TwoBrowsers) -> None:
    sure = two.page("/session/end").press("sign-out-everywhere")
    Page(two.here, sure).press("sign-out-everywhere-confirm")


def everywhere_by_account_page(two: TwoBrowsers) -> None:
    two.page("/account/everywhere").press("sign-out-everywhere-confirm")


def everywhere_by_api(two: TwoBrowsers) -> None:
    assert two.api("POST", "/account/sign-out-everywhere").status_code == 200


BENS = {"Ben's browser", "red of Ben"}
ELSEWHERE = {"the other browser", "red elsewhere", "blue elsewhere, offline"} | BENS
OFFLINE = {"green here, offline"}
HERE = {"this browser", "red here"}
APP, BROWSER = {"red": 1}, {"red": 1, "green": 1}
EVERYWHERE = {"red": 2, "green": 1, "blue": 1}
VERBS = [
    pytest.param(app_by_confirm_page, ELSEWHERE | OFFLINE | {"this browser"}, APP, id="app: confirm page"),
    pytest.param(app_by_account_page, ELSEWHERE | OFFLINE | {"this browser"}, APP, id="app: account page"),
    pytest.param(
        offline_app_by_account_page, ELSEWHERE | OFFLINE | HERE, {"green": 1}, id="app: an offline one"
    ),
    pytest.param(disconnected_by_account_page, ELSEWHERE | HERE, {"green": 1}, id="app: disconnected"),
    pytest.param(browser_by_hint, ELSEWHERE | OFFLINE, BROWSER, id="browser: an app's request"),
    pytest.param(browser_by_confirm_page, ELSEWHERE | OFFLINE, BROWSER, id="browser: confirm page"),
    pytest.param(browser_by_account_page, ELSEWHERE | OFFLINE, BROWSER, id="browser: account page"),
    pytest.param(browser_by_api, ELSEWHERE | OFFLINE, BROWSER, id="browser: account API"),
    pytest.param(
        browser_of_a_client_that_keeps_nothing, ELSEWHERE, BROWSER, id="browser: offline policy revoke"
    ),
    pytest.param(everywhere_by_confirm_page, BENS, EVERYWHERE, id="everywhere: confirm page"),
    pytest.param(everywhere_by_account_page, BENS, EVERYWHERE, id="everywhere: account page"),
    pytest.param(everywhere_by_api, BENS, EVERYWHERE, id="everywhere: account API"),
]


def test_before_any_of_them_everything_lives(two):
    assert two.living() == ELSEWHERE | OFFLINE | HERE
    assert two.notified() == {}


@pytest.mark.parametrize(("verb", "lives_on", "apps"), VERBS)
def test_a_verb_ends_what_it_says_and_nothing_else(two, verb, lives_on, apps):
    verb(two)

    assert two.notified() == apps
    assert two.living() == lives_on
