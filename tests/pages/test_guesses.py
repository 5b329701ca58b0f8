"""SEC-601: guesses are limited, and lock out no other person (THR-36, THR-37)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.accounts import change
from provider.audit.models import AuditEvent
from provider.authentication import guesses
from provider.infrastructure.database import db, is_sqlite, transaction
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from tests.factories import PASSWORD, make_account, make_session
from tests.pages.conftest import ELSEWHERE, HOME
from tests.support.browsers import Page, show_session

COOKIE = "curfew_known_browser"
NEW = "another long passphrase"

pytestmark = pytest.mark.spec("SEC-601")


def proofs(browser):
    cookie = browser.get_cookie(COOKIE)
    return cookie.value.split("~") if cookie else []


@pytest.mark.spec("THR-37")
@pytest.mark.parametrize("where", [HOME, ELSEWHERE])
def test_guesses_lock_the_guesser_out_and_not_ada_in_her_own_browser(
    limits, known, at, sign_in, guess, where
):
    limits(account=3, everywhere=5, slow=1)
    attacker = at(where)

    assert guess(attacker) == 3

    for _ in range(2):
        assert sign_in(attacker).status_code == 429
        assert sign_in(known).status_code == 303
        known.delete_cookie("curfew_session")


def test_a_typing_mistake_in_her_own_browser_does_not_change_that(limits, known, at, sign_in, guess):
    limits(account=3, browser=2)
    guess(at(HOME))

    assert sign_in(known, password="mistyped").status_code == 200
    assert sign_in(known).status_code == 303


def test_neighbours_who_have_used_up_the_limit_of_a_network_do_not_lock_it(limits, known, at, sign_in):
    limits(address=2)
    for name in ("one", "two"):
        sign_in(at(HOME), username=name)

    assert sign_in(at(HOME)).status_code == 429
    assert sign_in(known).status_code == 303


def test_a_new_browser_in_another_network_is_served(limits, ada, at, sign_in, guess):
    limits(account=3)

    assert guess(at(ELSEWHERE)) == 3
    assert sign_in(at(HOME)).status_code == 303


def test_one_guesser_in_many_networks_is_slowed_and_a_new_browser_is_still_served(
    limits, ada, at, sign_in, guess
):
    limits(account=3, everywhere=5, slow=1)
    guessers = [at(f"198.51.100.{number}") for number in range(6)]

    # The first five are usual; from then on each network has one.
    assert [guess(guesser) for guesser in guessers] == [3, 3, 1, 1, 1, 1]

    refused = sign_in(guessers[-1])
    assert refused.status_code == 429
    assert "Try again in 60 minutes, or use a browser in which you have signed in before" in refused.text
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    assert sign_in(at(HOME)).status_code == 303


def test_an_honest_sign_in_does_not_forget_what_was_guessed_elsewhere(limits, known, at, sign_in, guess):
    limits(account=3, everywhere=5, slow=1)
    assert [guess(at(f"198.51.100.{number}")) for number in range(3)] == [3, 3, 1]

    sign_in(known)
    sign_in(at(HOME))

    assert guess(at("198.51.100.0")) == 0
    assert guess(at("198.51.100.9")) == 1


@pytest.mark.spec("SEC-623")
def test_a_name_that_no_account_has_is_answered_alike(limits, ada, known, at, sign_in):
    limits(account=2, everywhere=3, slow=1)

    def attempts(name):
        for number in range(4):
            browser = at(f"198.51.100.{number}")
            for _ in range(3):
                response = sign_in(browser, password="wrong", username=name)
                yield response.status_code, response.text.count("Too many"), sorted(response.headers.keys())

    assert list(attempts("ada")) == list(attempts("nobody"))


def forged(browser, app, of_ben):
    identifier, made_at, first, mac = proofs(browser)[0].split(".")
    yield "another MAC", f"{identifier}.{made_at}.{first}.{'A' * 43}"
    yield "the other MAC", f"{identifier}.{made_at}.{mac}.{first}"
    yield "a later time", f"{identifier}.{int(made_at) + 1}.{first}.{mac}"
    yield "another identifier", f"{'A' * 43}.{made_at}.{first}.{mac}"
    yield "of another account", of_ben
    yield "a longer MAC", f"{identifier}.{made_at}.{first}.{mac}A"
    yield "no number", f"{identifier}.٣.{first}.{mac}"
    yield "too many", "~".join([f"{identifier}.{made_at}.{first}.{'A' * 43}"] * 5 + [proofs(browser)[0]])
    yield "nothing", ""


def test_a_forged_proof_or_one_for_another_account_is_worth_nothing(app, limits, known, at, sign_in, guess):
    make_account("ben")
    bens = at(HOME)
    sign_in(bens, username="ben")
    limits(account=1)
    guess(at(ELSEWHERE))

    for what, cookie in forged(known, app, proofs(bens)[0]):
        attacker = at(ELSEWHERE)
        attacker.set_cookie(COOKIE, cookie)
        assert sign_in(attacker).status_code == 429, what
    genuine = at(ELSEWHERE)
    genuine.set_cookie(COOKIE, proofs(known)[0])
    assert sign_in(genuine).status_code == 303


def everywhere(ada):
    end_everywhere(ada, Cause(reason=LogoutReason.ADMIN, initiator="admin"))


REVOKED_BY = [
    pytest.param(lambda ada: change.set_password(ada, NEW), id="her password is changed"),
    pytest.param(lambda ada: change.set_password(ada, NEW, reset=True), id="her password is reset"),
    pytest.param(lambda ada: change.disable(ada) and change.enable(ada), id="she was disabled"),
    pytest.param(everywhere, id="she is signed out everywhere"),
]


@pytest.mark.parametrize("act", REVOKED_BY)
def test_a_proof_is_revoked(limits, ada, known, at, sign_in, guess, act):
    with transaction():
        act(ada)
    limits(account=1)
    guess(at(HOME))

    assert sign_in(known).status_code == 429


def test_who_changes_her_password_keeps_her_browser_known(limits, ada, known, at, sign_in, guess):
    sign_in(known)
    page = Page(known, known.get("/account/password"))
    assert page.press("change", current=PASSWORD, new=NEW, again=NEW).status_code == 303
    known.delete_cookie("curfew_session")
    limits(account=1)
    guess(at(HOME))

    assert sign_in(known, password=NEW).status_code == 303


def test_a_proof_expires(limits, turned_clock, known, at, sign_in, guess):
    limits(account=1)
    guess(at(HOME))

    turned_clock.turn(timedelta(days=180, minutes=1))

    assert sign_in(known).status_code == 429


def test_a_stolen_proof_gives_few_guesses_and_does_not_lock_its_owner_out(limits, known, at, sign_in, guess):
    limits(browser=2, account=3)
    stolen = proofs(known)[0]
    sign_in(known)
    known.delete_cookie("curfew_session")

    def thief_at(address):
        thief = at(address)
        thief.set_cookie(COOKIE, stolen)
        return thief

    assert guess(thief_at(ELSEWHERE)) == 2 + 3
    assert guess(thief_at("198.51.100.8")) == 3
    assert guess(thief_at(HOME)) == 3
    assert sign_in(known).status_code == 303


def test_a_person_who_is_signed_in_is_not_locked_out_of_her_own_pages(limits, ada, at, sign_in, guess):
    """Confirming a sign-in, and the password page, ask a browser that is known by its session."""
    made = make_session(ada)
    hers = show_session(at(HOME), made)
    limits(account=1, address=2)
    guess(at(HOME))
    guess(at(HOME), username="ben")

    assert sign_in(hers, prompt="login").status_code == 303
    page = Page(hers, hers.get("/account/password"))
    assert page.press("change", current=PASSWORD, new=NEW, again=NEW).status_code == 303


def test_people_who_share_a_browser_are_all_known_there(limits, known, at, sign_in, guess):
    make_account("ben")
    for name in ("ben", "ada"):
        sign_in(known, username=name)
    known.delete_cookie("curfew_session")
    limits(account=1)
    for name in ("ada", "ben"):
        guess(at(HOME), username=name)

    assert len(proofs(known)) == 2
    assert sign_in(known, username="ben").status_code == 303
    assert sign_in(known).status_code == 303


def test_the_cookie_outlives_the_browser_and_names_no_person(ada, at, sign_in):
    written = next(
        cookie for cookie in sign_in(at(HOME)).headers.getlist("Set-Cookie") if cookie.startswith(COOKIE)
    )

    value, _, attributes = written.partition("; ")
    assert "Max-Age=15552000; HttpOnly; Path=/; SameSite=Lax" in attributes
    assert not any(text in value for text in (str(ada.id), ada.id.hex, ada.sub, "ada"))


def test_a_browser_keeps_no_more_than_five_proofs(at, sign_in):
    browser = at(HOME)
    for number in range(6):
        make_account(f"person{number}")
        sign_in(browser, username=f"person{number}")
        browser.delete_cookie("curfew_session")

    assert len(proofs(browser)) == 5


def test_a_known_browser_costs_no_statement_more(known, at, sign_in, parked, statements):
    def counted(browser):
        page = Page(browser, browser.get(f"/sign-in/{parked(browser)}"))
        with statements() as seen:
            assert page.press("sign-in", username="ada", password=PASSWORD).status_code == 303
        return len(seen)

    in_new_browser = counted(at(HOME))
    # What is written at the end of a transaction is one statement of PostgreSQL.
    assert counted(known) == in_new_browser == (6 if is_sqlite() else 4)


def test_guesses_beyond_the_limit_do_not_fill_the_audit_log(limits, ada, at, sign_in):
    limits(account=2)
    attacker = at(ELSEWHERE)
    for _ in range(6):
        sign_in(attacker, password="wrong")

    refused = select(AuditEvent).where(AuditEvent.tag == "sign_in_refused").order_by(AuditEvent.id)
    reasons = [entry.detail["reason"] for entry in db.session.scalars(refused)]
    assert reasons == ["wrong", "wrong", "too_many"]


@pytest.mark.spec("SEC-616")
def test_how_many_guesses_from_many_networks_are_checked(app):
    """With the default limits: a hundred, and three for each network (docs/operate/sign-in-limits.md)."""
    networks = [f"198.51.100.{number}" for number in range(120)]
    checked = 0
    for _ in range(5):
        for network in networks:
            guess = guesses.count("ada", (network,))
            if isinstance(guess, guesses.Guess):
                guesses.failed(guess)
                checked += 1

    assert checked == 100 + 3 * len(networks)
