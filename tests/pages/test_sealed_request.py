"""A request without a session waits in its address; nothing is written before an answer (DEC-27, THR-59)."""

import re
from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.clients import change as clients
from provider.clients.models import Client
from provider.infrastructure.database import db, transaction
from provider.infrastructure.event_log import JSONLines
from provider.infrastructure.opaque_tokens import digest_of
from provider.interactions.models import Interaction
from provider.worker.pruning import prune
from tests.factories import PASSWORD, make_session
from tests.support.browsers import Page, follow, query_of, show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press, type_password

pytestmark = pytest.mark.usefixtures("signing_keys", "ada")
LONG = "x" * 3000
SECRETS = {"login_hint": "ada@example.test", "state": "a-state-of-the-app", "nonce": "a-nonce-of-the-app"}


@pytest.fixture
def rp(app):
    return RelyingParty(app, "green")


def rows() -> list[Interaction]:
    end_read()
    return list(db.session.scalars(select(Interaction), execution_options={"populate_existing": True}))


def ask(rp, http, **asked) -> str:
    """Ask as an app does, and return the address of the sign-in page."""
    return rp.authorize(http, **asked).headers["Location"]


def handle_of(address: str) -> str:
    return re.match(r"/[a-z/-]+/([\w-]{43})", address)[1]


def reason_of(response) -> str:
    assert response.status_code == 410
    return re.search(r'data-reason="(\w+)"', response.text)[1]


def changed(address: str, place: int) -> str:
    """The address with another letter at a place."""
    letters = list(address)
    letters[place] = "A" if letters[place] != "A" else "B"
    return "".join(letters)


@pytest.mark.parametrize("asked", [{}, {"prompt": "login"}, {"login_hint": "ada", "ui_locales": "de"}])
def test_nothing_is_written_before_an_answer(rp, http, asked):
    address = ask(rp, http, **asked)
    page = Page(http, http.get(address))
    page.press("sign-in", username="ada", password="not her password")
    # The endpoint has nothing to note without a session.
    assert http.get(address.replace("/sign-in/", "/authorize/resume/")).headers["Location"] == address
    assert rows() == []

    response = page.press("sign-in", username="ada", password=PASSWORD)

    [row] = rows()
    assert row.handle_digest == digest_of(handle_of(address))
    assert (row.browser_digest, row.finished_at) == (digest_of(http.get_cookie("curfew_browser").value), None)
    assert response.headers["Location"] == f"/authorize/resume/{handle_of(address)}"
    assert "code" in query_of(follow(http, response))
    [row] = rows()
    assert row.finished_at is not None


def test_a_page_of_the_account_waits_in_the_address_too(http):
    address = http.get("/device?user_code=BCDF-GHJK").headers["Location"]
    page = Page(http, http.get(address))
    assert rows() == []

    response = page.press("sign-in", username="ada", password=PASSWORD)

    assert response.headers["Location"] == "/device?user_code=BCDF-GHJK"
    assert len(rows()) == 1
    assert http.get(address).headers["Location"] == "/account"


def test_the_sign_in_page_asks_the_database_once(rp, http, statements):
    address = ask(rp, http)
    with statements() as seen:
        assert http.get(address).status_code == 200

    assert len(seen) == 1


def test_the_address_holds_no_readable_part_of_the_request(rp, http):
    address = ask(rp, http, **SECRETS)

    sealed = address.partition("?sealed=")[2]
    raw = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    said = address.encode() + raw
    assert not any(secret.encode() in said for secret in (*SECRETS.values(), rp.redirect_uri, rp.client_id))
    # The same request never looks the same.
    assert ask(rp, http, **SECRETS) != address


def test_the_address_stays_short_enough_for_every_browser_and_proxy(rp, http):
    short, long = ask(rp, http, state="x" * 800), ask(rp, http, state=LONG)

    assert len(short) < 2000
    assert len(long) < 100
    assert len(rows()) == 1
    assert query_of(type_password(http, rp.authorize(http, state=LONG)))["state"] == LONG


def test_no_line_of_the_log_and_no_referrer_holds_the_address(rp, http, caplog):
    address = ask(rp, http)
    sealed = address.partition("?sealed=")[2]

    shown = [http.get(address), http.get(changed(address, -3)), http.get(f"{address}%00")]

    assert {one.headers["Referrer-Policy"] for one in shown} == {"no-referrer"}
    said = "".join(JSONLines().format(one) for one in caplog.records)
    assert "nothing_waits" in said
    assert sealed[:20] not in said


@pytest.mark.parametrize("place", [-1, -3, 60, 80, 120])
def test_a_tampered_address_is_unknown(rp, http, place):
    address = changed(ask(rp, http), place)

    assert reason_of(http.get(address)) == "unknown"
    assert reason_of(http.post(address, data={"username": "ada", "password": PASSWORD})) == "unknown"


def test_a_sealed_request_belongs_to_its_handle(rp, http):
    one, other = ask(rp, http), ask(rp, http)
    swapped = f"{one.partition('?')[0]}?{other.partition('?')[2]}"

    assert reason_of(http.get(swapped)) == "unknown"
    for cut in (one.partition("?")[0], one[:-8], f"{one.partition('=')[0]}=", f"{one.partition('=')[0]}=A"):
        assert reason_of(http.get(cut)) == "unknown"


def test_another_browser_cannot_use_it(rp, http, browser):
    address = ask(rp, http)
    page = Page(http, http.get(address))
    other = browser()
    assert reason_of(other.get(address)) == "no_cookie"
    ask(rp, other)

    typed = page.fields | {"username": "ada", "password": PASSWORD}

    assert reason_of(other.get(address)) == "other_browser"
    assert reason_of(other.post(address, data=typed)) == "other_browser"
    resumed = other.get(address.replace("/sign-in/", "/authorize/resume/"))
    assert reason_of(follow(other, resumed)) == "other_browser"
    assert rows() == []


def test_it_expires_and_the_page_says_where_to_start_again(rp, http, turned_clock):
    address = ask(rp, http)
    page = Page(http, http.get(address))

    turned_clock.turn(timedelta(minutes=31))

    shown = http.get(address)
    assert reason_of(shown) == "expired"
    assert 'href="https://green.test"' in shown.text
    assert reason_of(page.press("sign-in", username="ada", password=PASSWORD)) == "expired"
    assert rows() == []


def test_a_disabled_or_removed_app_is_said(rp, http):
    address = ask(rp, http)
    with transaction():
        clients.disable(db.session.get_one(Client, rp.client.id))
    assert reason_of(http.get(address)) == "app_disabled"

    with transaction():
        clients.remove(db.session.get_one(Client, rp.client.id))
    assert reason_of(http.get(address)) == "app_disabled"
    assert rows() == []


def test_the_back_button_after_the_answer_explains(rp, http):
    address = ask(rp, http)
    page = Page(http, http.get(address))
    type_password(http, rp.authorize(http))
    assert "code" in query_of(follow(http, page.press("sign-in", username="ada", password=PASSWORD)))
    http.delete_cookie("curfew_session")

    assert reason_of(http.get(address)) == "answered"
    assert reason_of(page.press("sign-in", username="ada", password=PASSWORD)) == "answered"
    resumed = http.get(address.replace("/sign-in/", "/authorize/resume/"))
    assert reason_of(follow(http, resumed)) == "answered"


def test_a_tab_that_waited_goes_on_once_the_person_has_signed_in_elsewhere(rp, http, ada):
    address = ask(rp, http)
    show_session(http, make_session(ada))

    resumed = http.get(address)
    first, second = (follow(http, http.get(resumed.headers["Location"])) for _ in range(2))

    assert "code" in query_of(first)
    assert reason_of(second) == "answered"
    assert len(rows()) == 1


def test_two_tabs_with_one_address_keep_both_answers(app, http):
    """The row of the first answer is there when the second one comes, whatever its page has read before."""
    blue = RelyingParty(app, "blue", first_party=False)
    address = ask(blue, http)
    one, other = (Page(http, http.get(address)) for _ in range(2))

    consent = follow(http, one.press("sign-in", username="ada", password=PASSWORD))
    again = follow(http, other.press("sign-in", username="ada", password=PASSWORD))

    assert "allow" in Page(http, again).buttons
    assert "code" in query_of(follow(http, Page(http, consent).press("allow")))
    assert len(rows()) == 1


def test_who_turns_back_refuses_the_request_for_good(rp, http):
    address = ask(rp, http)
    page = Page(http, http.get(address))

    assert query_of(follow(http, page.press("cancel")))["error"] == "access_denied"

    assert reason_of(page.press("sign-in", username="ada", password=PASSWORD)) == "answered"
    assert len(rows()) == 1


def test_what_was_asked_of_a_session_is_noted_in_a_row(rp, http, ada):
    """A new sign-in that the app demands is asked of the session that has begun meanwhile."""
    address = ask(rp, http, prompt="login")
    show_session(http, make_session(ada))

    assert "/sign-in/" in follow_once(http, http.get(address))
    [row] = rows()
    assert row.answers["asked_of"] is not None
    assert 'id="password"' in follow(http, http.get(address)).text


def follow_once(http, response) -> str:
    return http.get(response.headers["Location"]).headers["Location"]


def test_a_row_outlives_the_address_that_would_be_believed_without_it(rp, http, turned_clock):
    address = ask(rp, http)
    press(http, rp.authorize(http), "cancel")
    Page(http, http.get(address)).press("cancel")
    follow(http, http.get(f"/authorize/resume/{handle_of(address)}"))

    turned_clock.turn(timedelta(minutes=30) - timedelta(seconds=1))
    prune()
    assert reason_of(http.get(address)) == "answered"
    turned_clock.turn(timedelta(seconds=2))
    prune()
    assert reason_of(http.get(address)) == "answered"
    turned_clock.turn(timedelta(days=1))
    prune()

    assert rows() == []
    assert reason_of(http.get(address)) == "expired"


@pytest.mark.parametrize("way", ["posted", "pushed", "in a session"])
def test_what_needs_a_row_has_one(app, http, ada, way):
    blue = RelyingParty(app, "blue", first_party=False)
    match way:
        case "posted":
            address = blue.http.post("/authorize", data=blue.request()).headers["Location"]
        case "pushed":
            request_uri = blue.post("/par", **blue.request()).json["request_uri"]
            asked = {"client_id": "blue", "request_uri": request_uri}
            address = http.get("/authorize", query_string=asked).headers["Location"]
        case _:
            address = ask(blue, show_session(http, make_session(ada)))

    assert "sealed=" not in address
    assert any(row.handle_digest == digest_of(handle_of(address)) for row in rows())
