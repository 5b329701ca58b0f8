"""A parked request holds no token: who reads the database can present none of them (KEY-23).

An `id_token_hint` is verified before the request is parked; what stays of it is the `sub` that it names.
"""

import re

import pytest
from sqlalchemy import select

from provider.infrastructure.database import Base, db
from tests.factories import PASSWORD, make_account, make_session, secret_of
from tests.security.full_story import FullStory
from tests.support.browsers import Page, follow, id_token_of, query_of, show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, type_password

pytestmark = pytest.mark.usefixtures("signing_keys")
JWT = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}")


@pytest.fixture
def rp(app):
    return RelyingParty(app)


def stored() -> str:
    """All that stands in the database, as text."""
    tables = Base.metadata.sorted_tables
    dump = "\n".join(repr(tuple(row)) for table in tables for row in db.session.execute(select(table)))
    end_read()
    return dump


def by_get(rp, http, **asked):
    return rp.authorize(http, **asked)


def by_post(rp, http, **asked):
    return http.get(rp.http.post("/authorize", data=rp.request(**asked)).headers["Location"])


def pushed(rp, http, **asked):
    request_uri = rp.post("/par", **rp.request(**asked)).json["request_uri"]
    assert not JWT.search(stored())
    return http.get("/authorize", query_string={"client_id": rp.client_id, "request_uri": request_uri})


WAYS = pytest.mark.parametrize("ask", [by_get, by_post, pushed])


@WAYS
def test_a_parked_request_keeps_whom_its_hint_names_and_not_the_hint(http, rp, ask):
    ada, ben = make_account("ada"), make_account("ben")
    hint = id_token_of(rp.client, make_session(ben, [rp.client]).grants["red"])
    show_session(http, make_session(ada))

    asked = ask(rp, http, id_token_hint=hint)

    assert "/sign-in/" in asked.headers["Location"]
    assert "hinted_sub" in stored()
    assert not JWT.search(stored())
    assert query_of(type_password(http, asked, "ada"))["error"] == "login_required"
    assert "code" in query_of(type_password(http, ask(rp, http, id_token_hint=hint), "ben"))


@WAYS
def test_a_name_that_was_only_claimed_is_no_hint(http, rp, ask):
    ben = make_account("ben")
    make_account("ada")

    asked = ask(rp, http, hinted_sub=ben.sub)

    assert "code" in query_of(type_password(http, asked, "ada"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_posted_request_with_a_wrong_hint_is_answered_before_it_is_parked(rp):
    posted = rp.http.post("/authorize", data=rp.request(id_token_hint="e30.e30.e30"))

    assert query_of(posted)["error"] == "invalid_request"
    assert posted.headers["Location"].startswith(rp.redirect_uri)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_token_or_secret_of_a_whole_story_stands_in_the_database(app, browser, turned_clock):
    story = FullStory(app, browser, turned_clock)
    red, tokens, hint = story.red, story.tokens, story.tokens["id_token"]
    red.authorize(story.browser(), id_token_hint=hint)
    story.browser().get("/session/end", query_string={"id_token_hint": hint})
    red.http.post("/session/end", data={"id_token_hint": hint})
    red.http.post("/par", data=red.request(id_token_hint=hint), auth=("red", secret_of("red")))
    refreshed = red.refresh(tokens["refresh_token"]).json
    page = Page(story.http, follow(story.http, story.http.get("/session/end")))

    dump = stored()

    secrets = [tokens[name] for name in ("access_token", "refresh_token", "id_token")]
    secrets += [refreshed[name] for name in ("access_token", "refresh_token", "id_token")]
    secrets += [story.code, story.cookie, story.pushed.rpartition(":")[2], story.device_code, story.exchanged]
    secrets += [page.fields["ticket"], page.fields["csrf"], PASSWORD, secret_of("red")]
    secrets += [story.http.get_cookie("curfew_browser").value]
    assert [secret for secret in secrets if secret in dump] == []
    assert not JWT.search(dump)
    assert not re.search(r"cf[acr]_[\w-]{20,}", dump)
