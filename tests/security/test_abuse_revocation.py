"""Sessions and tokens that other providers left alive after a revocation must be dead here.

Each test plays an attack of docs/design/threats.md.
"""

import pytest
from sqlalchemy import select

from provider.grants.models import Grant
from provider.infrastructure import current
from provider.infrastructure.database import Base, db
from tests.factories import PASSWORD, make_account, secret_of
from tests.security.full_story import FullStory
from tests.security.told_story import full_story
from tests.support.browsers import Page, follow, query_of, shows
from tests.support.command import run_curfew
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press, type_password


@pytest.fixture
def story(app, browser, turned_clock):
    return full_story(app, browser, turned_clock)


def allow_offline(story: FullStory, rp: RelyingParty):
    """Tokens for acting while she is away, in the session that she has."""
    asked = rp.authorize(story.http, scope="openid offline_access", prompt="consent")
    return rp.exchange(query_of(press(story.http, asked, "allow"))["code"]).json


@pytest.mark.spec("ABU-22")
@pytest.mark.spec("ABU-61")
@pytest.mark.spec("ABU-67")
def test_a_disabled_person_gets_nothing_by_any_way(story, browser):
    offline = allow_offline(story, story.green)
    elsewhere = story.sign_in_elsewhere()
    signing_in = Page(browser(), follow(one := browser(), story.red.authorize(one)))
    signing_in.browser = one

    run_curfew("user", "disable", "ada")

    assert story.living() == set()
    assert story.green.refresh(offline["refresh_token"]).json["error"] == "invalid_grant"
    assert not story.green.introspect(offline["access_token"])["active"]
    assert "code=" not in story.red.authorize(elsewhere).headers["Location"]
    refused = signing_in.press("sign-in", username="ada", password=PASSWORD)
    assert refused.status_code == 200
    assert one.get_cookie("curfew_session") is None
    # The apps of every ended session and the one with an offline grant are notified.
    assert story.logouts() == 1


def take_offline_access_from_the_client() -> None:
    run_curfew("client", "update", "green", "--scope", "openid profile")


def take_refresh_tokens_from_the_client() -> None:
    run_curfew("client", "update", "green", "--grant-type", "authorization_code")


@pytest.mark.spec("ABU-24")
@pytest.mark.parametrize(
    "take_away", [take_offline_access_from_the_client, take_refresh_tokens_from_the_client]
)
def test_offline_access_that_was_taken_away_is_gone_at_once(story, take_away):
    offline = allow_offline(story, story.green)
    Page(story.http, follow(story.http, story.http.get("/session/end"))).press("sign-out")
    assert story.green.introspect(offline["refresh_token"])["active"]

    take_away()

    response = story.green.refresh(offline["refresh_token"])
    assert response.json["error"] in ("invalid_grant", "unauthorized_client")
    assert not story.green.introspect(offline["refresh_token"])["active"]


def by_the_client(story: FullStory, tokens) -> None:
    assert story.green.revoke(tokens["refresh_token"]).status_code == 200


def by_the_person(story: FullStory, tokens) -> None:
    page = Page(story.http, story.http.get("/account"))
    page.press("disconnect-green")


def by_the_persons_app(story: FullStory, tokens) -> None:
    (grant,) = [one for one in story.api("GET", "/account/grants").json["grants"] if one["offline"]]
    assert story.api("DELETE", f"/account/grants/{grant['id']}").status_code == 204


def by_replay(story: FullStory, tokens) -> None:
    token = tokens["refresh_token"]
    for _ in range(2):
        token = story.green.refresh(token).json["refresh_token"]
    assert story.green.refresh(tokens["refresh_token"]).status_code == 400
    tokens["successor"] = token


REVOCATIONS = [by_the_client, by_the_person, by_the_persons_app, by_replay]


@pytest.mark.spec("ABU-26")
@pytest.mark.parametrize("revoke", REVOCATIONS)
def test_a_living_session_keeps_no_revoked_offline_token_active(story, revoke):
    tokens = allow_offline(story, story.green)

    revoke(story, tokens)

    assert not story.green.introspect(tokens["access_token"])["active"]
    for name in ("refresh_token", "successor"):
        if name in tokens:
            assert not story.green.introspect(tokens[name])["active"]
            assert story.green.refresh(tokens[name]).status_code == 400
    assert "code=" in story.green.authorize(story.http, prompt="none").headers["Location"]


@pytest.mark.spec("ABU-27")
@pytest.mark.parametrize("revoke", REVOCATIONS)
def test_what_is_revoked_at_one_app_leaves_the_other_and_the_session_alone(story, revoke):
    revoke(story, allow_offline(story, story.green))

    assert story.living(["access token at userinfo", "refresh token", "cookie"]) == {
        "access token at userinfo",
        "refresh token",
        "cookie",
    }


@pytest.mark.spec("ABU-27")
def test_another_clients_token_is_not_ones_own_to_revoke(story):
    response = story.green.revoke(story.tokens["refresh_token"])

    assert response.status_code in (200, 400)
    assert story.living(["refresh token"])


@pytest.mark.spec("ABU-72")
@pytest.mark.parametrize(
    "deactivate",
    [
        pytest.param(("user", "disable", "ada"), id="the person"),
        pytest.param(("user", "delete", "ada", "--yes"), id="the person, for good"),
        pytest.param(("client", "update", "red", "--disable"), id="the client"),
        pytest.param(("client", "remove", "red", "--yes"), id="the client, for good"),
    ],
)
def test_deactivating_something_has_an_effect_on_everything_below_it(story, deactivate):
    run_curfew(*deactivate)

    assert not {name for name in story.living() if "token" in name or name == "code"}


@pytest.mark.spec("ABU-79")
def test_a_person_of_the_same_name_is_another_person(story):
    """SEC-1008: nothing of the first one is inherited, and the `sub` is never given again."""
    first_sub = story.ada.sub
    allow_offline(story, story.green)
    run_curfew("user", "delete", "ada", "--yes")
    make_account("ada")

    new = story.sign_in_elsewhere()
    tokens = story.red.sign_in(new, scope="openid account")

    assert story.red.userinfo(tokens["access_token"]).json["sub"] != first_sub
    grants = story.api("GET", "/account/grants", tokens["access_token"]).json["grants"]
    assert {grant["app"]["client_id"] for grant in grants} == {"red"}
    assert len(story.api("GET", "/account/sessions", tokens["access_token"]).json["sessions"]) == 1
    assert not {name for name in story.living() if name != "id_token_hint as sign-in"}


@pytest.mark.spec("ABU-79")
def test_a_client_id_is_never_given_again(story):
    run_curfew("client", "remove", "red", "--yes")

    with pytest.raises(AssertionError, match="red"):
        run_curfew("client", "add", "red", "--redirect-uri", "https://evil.test/callback")


@pytest.mark.spec("ABU-85")
def test_signing_out_here_leaves_the_tokens_of_another_browser_alone(story):
    elsewhere = story.sign_in_elsewhere()
    tokens = story.red.sign_in(elsewhere)

    story.http.get("/session/end", query_string={"id_token_hint": story.tokens["id_token"]})

    assert story.red.introspect(tokens["access_token"])["active"]
    assert story.red.refresh(tokens["refresh_token"]).status_code == 200
    assert story.living() == set()


@pytest.mark.spec("ABU-86")
def test_a_dump_of_the_database_holds_nothing_that_could_be_used(story):
    offline = allow_offline(story, story.green)
    refreshed = story.red.refresh(story.tokens["refresh_token"]).json
    result = story.confirm_page.press("sign-out").headers["Location"]
    secrets = {
        "cookie": story.cookie,
        "binding cookie": story.http.get_cookie("curfew_browser").value,
        "code": story.code,
        "password": PASSWORD,
        "client's secret": secret_of("red"),
        "ticket": story.confirm_page.fields["ticket"],
        "csrf": story.confirm_page.fields["csrf"],
        "parked": story.sign_in_page.response.request.path.rpartition("/")[2],
        "result": result.rpartition("/")[2],
        "secret key": current.settings().secret_key,
    }
    for holder, tokens in (("red", story.tokens), ("again", refreshed), ("offline", offline)):
        secrets |= {f"{name} {holder}": value for name, value in tokens.items() if name.endswith("_token")}

    dump = dump_of_every_table()

    assert {name for name, secret in secrets.items() if secret in dump} == set()
    assert "red" in dump


def dump_of_every_table() -> str:
    end_read()
    rows = [
        repr(tuple(row))
        for table in Base.metadata.sorted_tables
        for row in db.session.execute(select(*table.columns))
    ]
    end_read()
    return "\n".join(rows)


@pytest.mark.spec("ABU-07")
def test_a_grant_belongs_to_one_person_for_ever(story):
    make_account("ben")
    allow_offline(story, story.green)
    type_password(story.http, story.green.authorize(story.http, prompt="login"), "ben")

    of_green = select(Grant.account_id).where(Grant.client_id == story.green.client.id)
    assert len(set(db.session.scalars(of_green))) == 2


class CachingProxy:
    """A shared cache that does as rfc9111 lets it: it keeps what it may, under the address alone."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get(self, browser, path: str) -> str:
        if path in self.kept:
            return self.kept[path]
        response = browser.get(path)
        control = response.headers.get("Cache-Control", "")
        if not ("no-store" in control or "private" in control):
            self.kept[path] = response.get_data(as_text=True)
        return response.get_data(as_text=True)


@pytest.mark.spec("ABU-100")
@pytest.mark.parametrize("path", ["/", "/account", "/account/everywhere", "/account/password"])
def test_a_shared_cache_hands_out_no_personal_page(app, story, browser, path):
    make_account("ben")
    bens, proxy = story.sign_in_elsewhere("ben"), CachingProxy()

    adas_page, bens_page = proxy.get(story.http, path), proxy.get(bens, path)

    assert shows(adas_page, "Ada")
    assert not shows(bens_page, "Ada")
    assert proxy.kept == {}
    response = bens.get(path)
    assert response.headers["Cache-Control"] == "no-store"
    assert "Cookie" in response.vary
