"""Every cause that ends a session, each by the way that people, apps, operators or time take."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from provider.infrastructure import clock, current
from provider.infrastructure.database import db, transaction
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk as bulk_walk
from provider.sessions.queries import find_live
from provider.worker.duties import expire_sessions
from tests.factories import PASSWORD, make_account
from tests.security.full_story import (
    NOTHING,
    OF_THE_SESSION,
    OF_THE_SESSION_WITHOUT_RED,
    FullStory,
)
from tests.support.browsers import Page, follow
from tests.support.command import run_curfew
from tests.support.relying_party import RelyingParty, type_password

IDLE, LIFETIME, LONGER = timedelta(seconds=36), timedelta(seconds=54), timedelta(seconds=60)
NEW_PASSWORD = "another battery, another staple"


Cause = Callable[[FullStory], object]


def by_proven_hint(story: FullStory) -> None:
    story.http.get("/session/end", query_string={"id_token_hint": story.tokens["id_token"]})


def by_posted_hint(story: FullStory) -> None:
    """THR-13: a cross-site POST shows no cookie; our own GET does."""
    cookieless = story.browser()
    parked = cookieless.post("/session/end", data={"id_token_hint": story.tokens["id_token"]})
    story.open(story.http.get(parked.headers["Location"]))


def by_hint_without_cookie(story: FullStory) -> None:
    stranger = story.browser()
    asked = stranger.get("/session/end", query_string={"id_token_hint": story.tokens["id_token"]})
    Page(stranger, follow(stranger, asked)).press("sign-out")


def by_confirm_page(story: FullStory) -> None:
    story.open(story.http.get("/session/end")).press("sign-out")


def of_this_app(story: FullStory) -> None:
    story.open(story.http.get("/session/end?client_id=red")).press("sign-out-this-app")


def everywhere_by_page(story: FullStory) -> None:
    sure = story.open(story.http.get("/session/end")).press("sign-out-everywhere")
    Page(story.http, sure).press("sign-out-everywhere-confirm")


def by_account_page(story: FullStory) -> None:
    story.open(story.http.get("/account")).press("sign-out")


def of_one_app_by_account_page(story: FullStory) -> None:
    story.open(story.http.get("/account")).press("sign-out-app-red")


def disconnected_by_account_page(story: FullStory) -> None:
    story.open(story.http.get("/account")).press("disconnect-red")


def by_account_page_elsewhere(story: FullStory) -> None:
    elsewhere = story.sign_in_elsewhere()
    Page(elsewhere, elsewhere.get("/account")).press(f"sign-out-session-{story.session.id}")


def everywhere_by_account_page(story: FullStory) -> None:
    story.open(story.http.get("/account/everywhere")).press("sign-out-everywhere-confirm")


def everywhere_by_access_token(story: FullStory) -> None:
    assert story.api("POST", "/account/sign-out-everywhere").status_code == 200


def everywhere_by_refresh_token(story: FullStory) -> None:
    token = story.tokens["refresh_token"]
    assert story.red.post("/account/sign-out-everywhere", refresh_token=token).status_code == 200


def session_by_account_api(story: FullStory) -> None:
    assert story.api("DELETE", f"/account/sessions/{story.session.id}").status_code == 204


def grant_by_account_api(story: FullStory) -> None:
    (grant,) = story.api("GET", "/account/grants").json["grants"]
    assert story.api("DELETE", f"/account/grants/{grant['id']}").status_code == 204


def session_by_admin(story: FullStory) -> None:
    run_curfew("session", "end", story.session.id)


def everything_by_admin(story: FullStory) -> None:
    run_curfew("session", "end", "--account", "ada", "--yes")


def idle(story: FullStory) -> None:
    story.clock.turn(IDLE)


def idle_and_swept(story: FullStory) -> None:
    idle(story)
    expire_sessions()


def expired(story: FullStory) -> None:
    """She is busy all the time, and yet the session ends."""
    story.clock.turn(LIFETIME / 2)
    story.red.code(story.http)
    story.clock.turn(LIFETIME / 2)


def expired_and_swept(story: FullStory) -> None:
    expired(story)
    expire_sessions()


def password_changed_elsewhere(story: FullStory) -> None:
    elsewhere = story.sign_in_elsewhere()
    page = Page(elsewhere, elsewhere.get("/account/password"))
    done = page.press("change", current=PASSWORD, new=NEW_PASSWORD, again=NEW_PASSWORD)
    assert done.status_code == 303
    assert find_live(elsewhere.get_cookie("curfew_session").value)


def password_reset(story: FullStory) -> None:
    run_curfew("user", "password", "ada", stdin=f"{NEW_PASSWORD}\n")


def account_disabled(story: FullStory) -> None:
    run_curfew("user", "disable", "ada")


def account_disabled_and_enabled_again(story: FullStory) -> None:
    run_curfew("user", "disable", "ada")
    run_curfew("user", "enable", "ada")


def account_deleted(story: FullStory) -> None:
    run_curfew("user", "delete", "ada", "--yes")


def client_disabled(story: FullStory) -> None:
    run_curfew("client", "update", "red", "--disable")


def client_removed(story: FullStory) -> None:
    run_curfew("client", "remove", "red", "--yes")


def refresh_replayed(story: FullStory) -> None:
    """DEC-16: the honest client has refreshed twice when the thief comes."""
    successor = story.red.refresh(story.tokens["refresh_token"]).json["refresh_token"]
    assert story.red.refresh(successor).status_code == 200
    assert story.red.refresh(story.tokens["refresh_token"]).status_code == 400


def replaced_by_ben(story: FullStory) -> None:
    make_account("ben")
    type_password(story.http, story.red.authorize(story.http, prompt="login"), "ben")


def one_session_too_many(story: FullStory) -> None:
    set_settings(story, sessions_per_account=1)
    story.clock.turn(timedelta(seconds=1))
    story.sign_in_elsewhere()


def revoked_by_upstream(story: FullStory) -> None:
    made = {"grant_types": ["client_credentials"], "scope": "global_token_revocation"}
    upstream = RelyingParty(story.app, "upstream", **made)
    token = upstream.post("/token", grant_type="client_credentials", scope=made["scope"]).json["access_token"]
    subject = {"sub_id": {"format": "iss_sub", "iss": current.settings().issuer, "sub": story.ada.sub}}
    bearer = {"Authorization": f"Bearer {token}"}
    response = upstream.http.post("/global-token-revocation", json=subject, headers=bearer)
    assert response.status_code == 204, response.get_data(as_text=True)


def all_of_client(story: FullStory) -> None:
    with transaction():
        bulk.end_of_client(db.session.merge(story.red.client), "admin")


def all_of_everybody(story: FullStory) -> None:
    with transaction():
        bulk.end_everybody("admin")


def all_before_now(story: FullStory) -> None:
    story.clock.turn(timedelta(seconds=1))
    with transaction():
        bulk.end_issued_before(clock.now(), "admin")


def and_walked(begin: Cause) -> Cause:
    """The same, once its rows have been ended and its news is owed."""

    def act(story: FullStory) -> None:
        begin(story)
        while bulk_walk.carry_on() is not None:
            pass

    return act


def set_settings(story: FullStory, **values: object) -> None:
    services = current.services()
    story.app.extensions["curfew"] = replace(services, settings=replace(services.settings, **values))


CAUSES = [
    pytest.param(by_proven_hint, NOTHING, id="an app's logout request"),
    pytest.param(by_posted_hint, NOTHING, id="an app's posted logout request"),
    pytest.param(by_hint_without_cookie, OF_THE_SESSION, id="a hint without a cookie, confirmed"),
    pytest.param(by_confirm_page, NOTHING, id="the confirm page"),
    pytest.param(of_this_app, OF_THE_SESSION, id="the confirm page: only this app"),
    pytest.param(everywhere_by_page, NOTHING, id="the confirm page: everywhere"),
    pytest.param(by_account_page, NOTHING, id="account page: this browser"),
    pytest.param(by_account_page_elsewhere, NOTHING, id="account page: one session, from elsewhere"),
    pytest.param(of_one_app_by_account_page, OF_THE_SESSION, id="account page: one app here"),
    pytest.param(disconnected_by_account_page, OF_THE_SESSION, id="account page: disconnect"),
    pytest.param(everywhere_by_account_page, NOTHING, id="account page: everywhere"),
    pytest.param(everywhere_by_access_token, NOTHING, id="account API: everywhere"),
    pytest.param(everywhere_by_refresh_token, NOTHING, id="account API: everywhere, by refresh token"),
    pytest.param(session_by_account_api, NOTHING, id="account API: one session"),
    pytest.param(grant_by_account_api, OF_THE_SESSION, id="account API: consent withdrawn"),
    pytest.param(session_by_admin, NOTHING, id="admin: one session"),
    pytest.param(everything_by_admin, NOTHING, id="admin: everything of a person"),
    pytest.param(idle, NOTHING, id="idle, not swept yet"),
    pytest.param(idle_and_swept, NOTHING, id="idle, swept"),
    pytest.param(expired, NOTHING, id="run out, not swept yet"),
    pytest.param(expired_and_swept, NOTHING, id="run out, swept"),
    pytest.param(password_changed_elsewhere, NOTHING, id="password changed in another browser"),
    pytest.param(password_reset, NOTHING, id="password reset"),
    pytest.param(account_disabled, NOTHING, id="account disabled"),
    pytest.param(account_disabled_and_enabled_again, NOTHING, id="account disabled and enabled again"),
    pytest.param(account_deleted, NOTHING, id="account deleted"),
    pytest.param(client_disabled, OF_THE_SESSION_WITHOUT_RED, id="client disabled"),
    pytest.param(client_removed, OF_THE_SESSION_WITHOUT_RED, id="client removed"),
    pytest.param(refresh_replayed, OF_THE_SESSION, id="refresh token replayed"),
    pytest.param(replaced_by_ben, NOTHING, id="another person signs in at this browser"),
    pytest.param(one_session_too_many, NOTHING, id="one session too many"),
    pytest.param(revoked_by_upstream, NOTHING, id="global token revocation"),
    pytest.param(all_of_client, OF_THE_SESSION, id="all of a client, not walked yet"),
    pytest.param(and_walked(all_of_client), OF_THE_SESSION, id="all of a client, walked"),
    pytest.param(all_of_everybody, NOTHING, id="everybody, not walked yet"),
    pytest.param(and_walked(all_of_everybody), NOTHING, id="everybody, walked"),
    pytest.param(all_before_now, NOTHING, id="issued before now, not walked yet"),
    pytest.param(and_walked(all_before_now), NOTHING, id="issued before now, walked"),
]
