"""INV-13: no secret, token, password, hint or cookie is ever written into a log or the audit (KEY-27).

Whole stories are played with unmistakable values at the most detailed log level, errors included; then every
line is searched for each of these values.
"""

import io
import logging
import re
from dataclasses import replace

import pytest
from sqlalchemy import event, select

from provider.audit.models import AuditEvent
from provider.infrastructure import current, event_log
from provider.infrastructure.database import Base, db
from provider.infrastructure.event_log import JSONLines
from provider.logout.notification.outbox import drain
from provider.worker.duties import expire_sessions, seal_audit
from tests.factories import PASSWORD, make_session, secret_of
from tests.security.full_story import FullStory
from tests.support.browsers import Page, follow, show_session
from tests.support.prover import Holder, Prover
from tests.support.reads import end_read

WRONG_PASSWORD = "canary-wrong-password-4711"
NEW_PASSWORD = "canary-new-password-4711 and more"
PLANTED = "canary-planted-" + "x" * 28
STATE, NONCE = "canary-state-4711", "canary-nonce-4711"


@pytest.fixture
def settings(settings):
    return replace(settings, log_level="DEBUG")


@pytest.fixture
def log(app):
    """Everything that the process writes into its log, as it would be written."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JSONLines())
    event_log.configure("DEBUG")
    root = logging.getLogger()
    root.addHandler(handler)
    for name in ("curfew", "provider", "werkzeug", "urllib3", "authlib", "celery", "granian"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    for name in ("provider", "werkzeug", "urllib3", "authlib", "celery", "granian"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def tell(story: FullStory) -> dict[str, str]:
    """Play people and apps on good and on bad days; return every secret that was on its way."""
    red, http, tokens = story.red, story.http, dict(story.tokens)
    stranger = story.browser()
    page = Page(stranger, follow(stranger, red.authorize(stranger, state=STATE, nonce=NONCE)))
    page.press("sign-in", username="ada", password=WRONG_PASSWORD)
    page.press("sign-in", username=WRONG_PASSWORD, password=WRONG_PASSWORD)
    stranger.set_cookie("curfew_session", PLANTED)
    red.authorize(stranger, id_token_hint=tokens["id_token"], prompt="none")
    pushed = red.post("/par", **red.request(state=STATE)).json["request_uri"]
    for _ in range(2):
        http.get("/authorize", query_string={"client_id": red.client_id, "request_uri": pushed})
    http.get("/authorize", query_string=red.request(request=PLANTED, claims=PLANTED, state=STATE))
    red.exchange(story.code)
    red.exchange(story.code)
    red.exchange(story.code, code_verifier="canary-verifier-" + "x" * 40)
    refreshed = red.refresh(tokens["refresh_token"]).json
    red.userinfo(tokens["access_token"])
    red.userinfo(tokens["access_token"] + "x")
    http.get("/userinfo", query_string={"access_token": tokens["access_token"]})
    red.http.post("/token", data={"client_id": "red", "client_secret": "canary-client-secret"})
    for hint in (tokens["id_token"], tokens["id_token"][:-3], tokens["access_token"], PLANTED):
        story.browser().get("/session/end", query_string={"id_token_hint": hint, "state": STATE})
    http.get("/session/end?id_token_hint=a&id_token_hint=b")
    password = Page(http, http.get("/account/password"))
    password.press("change", current=WRONG_PASSWORD, new=NEW_PASSWORD, again=NEW_PASSWORD)
    password.press("change", current=PASSWORD, new=NEW_PASSWORD, again=NEW_PASSWORD)
    cookie = http.get_cookie("curfew_session").value
    http.get(f"/session/ended/{PLANTED}")
    story.api("POST", "/account/sign-out-everywhere", refreshed["access_token"])
    red.refresh(refreshed["refresh_token"])
    tokens |= {"pushed_token": pushed.rpartition(":")[2]}
    secrets = {f"{name} first": value for name, value in tokens.items() if name.endswith("_token")}
    secrets |= {f"{name} later": value for name, value in refreshed.items() if name.endswith("_token")}
    return secrets | {
        "code": story.code,
        "cookie": story.cookie,
        "new cookie": cookie,
        "binding cookie": http.get_cookie("curfew_browser").value,
        "ticket": story.confirm_page.fields["ticket"],
        "csrf": story.confirm_page.fields["csrf"],
        "password": PASSWORD,
        "wrong password": WRONG_PASSWORD,
        "new password": NEW_PASSWORD,
        "client's secret": secret_of("red"),
        "wrong client's secret": "canary-client-secret",
        "verifier": "canary-verifier",
        "planted": PLANTED,
        "state": STATE,
        "nonce": NONCE,
        "e-mail": "ada@example.test",
    }


def fail_in_the_middle(story: FullStory, monkeypatch) -> None:
    """A defect below us while a secret is in our hands: its story is logged without the secret."""

    def broken(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setitem(story.app.config, "PROPAGATE_EXCEPTIONS", False)
    story.http.set_cookie("curfew_session", story.cookie)
    event.listen(db.engine, "before_cursor_execute", broken)
    try:
        assert story.http.get("/account").status_code == 500
    finally:
        event.remove(db.engine, "before_cursor_execute", broken)


@pytest.mark.spec("rpinitiated 10")
def test_no_secret_is_ever_written_down(app, browser, turned_clock, log, monkeypatch):
    story = FullStory(app, browser, turned_clock)
    secrets = tell(story)
    fail_in_the_middle(story, monkeypatch)
    drain()
    turned_clock.turn(current.settings().session_lifetime)
    expire_sessions()
    seal_audit()

    lines = log.getvalue()
    audit = audit_as_text()
    assert "signed_in" in lines
    assert "a defect" in lines
    assert "sign_in_refused" in audit
    found = {name for name, secret in secrets.items() if secret in lines or secret in audit}
    assert found == set()
    # Neither is any token of ours that we did not think of: each has a prefix, or is a JWT.
    assert not re.findall(r"cf[acr]_[\w-]{20,}|eyJ[\w-]{10,}\.[\w-]{10,}", lines + audit)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_proof_and_no_signed_token_is_written_down(app, http, ada, log):
    """Neither into the log or the audit, nor in a form that could be used anywhere in the database."""
    red = Holder(app, "red", access_token_format="jwt", dpop_bound_access_tokens=True)
    browser = show_session(http, make_session(ada))
    token = red.sign_in(browser)["access_token"]
    shown = red.prover.show(token)
    wrong = red.prover.proof(), Prover().proof(), red.prover.proof(nonce="canary-nonce-4711")

    red.http.get("/userinfo", headers=shown)
    red.http.get("/userinfo", headers=shown)
    red.http.get("/userinfo", headers={"Authorization": f"Bearer {token}"})
    for proof in wrong:
        red.http.get("/userinfo", headers=shown | {"DPoP": proof})
        red.exchange("cfc_unknown", proof=f"{proof},{proof}")
    red.introspect(token)
    red.revoke(token)

    tables = Base.metadata.sorted_tables
    dump = "\n".join(repr(tuple(row)) for table in tables for row in db.session.execute(select(table)))
    end_read()
    lines = log.getvalue()
    assert "request_refused" in lines
    assert "token_revoked" in dump
    for secret in (token, shown["DPoP"], *wrong):
        assert secret not in lines + dump
        assert secret.rpartition(".")[2] not in lines + dump
    assert not re.findall(r"eyJ[\w-]{10,}\.[\w-]{10,}", lines)


def audit_as_text() -> str:
    end_read()
    table = Base.metadata.tables[AuditEvent.__tablename__]
    return "\n".join(repr(tuple(row)) for row in db.session.execute(select(*table.columns)))


def test_an_error_page_shows_no_secret(app, browser, turned_clock):
    story = FullStory(app, browser, turned_clock)
    hint, access_token = story.tokens["id_token"], story.tokens["access_token"]
    bad = {
        "/authorize": {"client_id": "red", "redirect_uri": PLANTED, "state": STATE},
        "/session/end": {"id_token_hint": [hint, PLANTED]},
        "/userinfo": {"access_token": access_token},
        "/session/end/confirm": {"ticket": PLANTED},
    }
    for address, sent in bad.items():
        response = follow(story.http, story.http.get(address, query_string=sent))
        shown = response.get_data(as_text=True)
        assert not [one for one in (PLANTED, STATE, hint, access_token) if one in shown], address
