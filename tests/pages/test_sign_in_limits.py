"""The failures that the sign-in page takes, and what changes while a password is checked."""

import threading
import time
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from provider.accounts import change
from provider.infrastructure.database import db, transaction
from provider.sessions.models import Session
from tests.factories import PASSWORD, make_account
from tests.pages.test_sign_in import WRONG, cookie_of, entries, sign_in
from tests.support.browsers import Page


def test_too_many_failures_are_stopped_whatever_the_password_then(app, http, parked, ada):
    limited(app, account="3 per 5 minutes")
    for _ in range(3):
        assert sign_in(http, parked(http), password="wrong").status_code == 200

    refused = sign_in(http, parked(http))

    assert refused.status_code == 429
    assert "Retry-After" in refused.headers
    assert cookie_of(http) is None


def test_a_success_forgets_the_failures_of_that_name_alone(app, http, parked, ada):
    limited(app, account="3 per 5 minutes")
    make_account("ben")
    for name in ("ada", "ada", "ben", "ben", "ben"):
        sign_in(http, parked(http), username=name, password="wrong")

    assert sign_in(http, parked(http)).status_code == 303
    assert sign_in(http, parked(http), password="wrong").status_code == 200
    assert sign_in(http, parked(http), username="ben").status_code == 429


def test_failures_from_one_address_are_limited_over_all_names(app, http, parked, ada):
    limited(app, address="2 per 5 minutes")
    for name in ("one", "two"):
        sign_in(http, parked(http), username=name)

    assert sign_in(http, parked(http)).status_code == 429


def test_an_unknown_name_is_limited_like_any_other(app, http, parked):
    limited(app, account="2 per 5 minutes")
    responses = [sign_in(http, parked(http), username="nobody").status_code for _ in range(3)]

    assert responses == [200, 200, 429]


def limited(app, *, account="1000 per minute", address="1000 per minute"):
    services = app.extensions["curfew"]
    settings = replace(services.settings, sign_in_limit_account=account, sign_in_limit_address=address)
    app.extensions["curfew"] = replace(services, settings=settings)


@pytest.mark.parametrize("moment", ["password", "disabled"])
def test_what_changes_while_the_password_is_checked_counts(app, http, parked, ada, monkeypatch, moment):
    """RACE-09, RACE-10: the check takes a while, and the world goes on."""
    really_verify = PasswordHasher.verify

    def verify_slowly(hasher, checked, password):
        is_right = really_verify(hasher, checked, password)
        thread = threading.Thread(target=lambda: change_ada(app, ada.id, moment))
        thread.start()
        thread.join()
        return is_right

    monkeypatch.setattr(PasswordHasher, "verify", verify_slowly)

    assert WRONG in sign_in(http, parked(http)).text
    assert db.session.scalar(select(Session)) is None
    assert entries()[-1].detail["reason"] == "changed_meanwhile"


def change_ada(app, account_id, moment):
    from provider.accounts.queries import find

    with app.app_context(), transaction():
        account = find(account_id)
        if moment == "password":
            change.set_password(account, "another long passphrase")
        else:
            change.disable(account)


@pytest.mark.spec("THR-35, SEC-623")
@pytest.mark.parametrize(
    ("memory", "passes"),
    [
        pytest.param(1024, 1, id="cheaper ones"),
        pytest.param(8 * 1024, 6, id="costlier ones"),
    ],
)
def test_a_hash_with_other_settings_takes_as_long_as_an_unknown_name(app, http, parked, ada, memory, passes):
    services = app.extensions["curfew"]
    now_set = replace(services.settings, argon2_memory=12 * 1024, argon2_passes=2)
    app.extensions["curfew"] = replace(services, settings=now_set, memo={})
    older = PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1)
    with transaction():
        ada.password_hash = older.hash(PASSWORD)

    def least_seconds(username):
        """CPU time, so that other processes do not matter; a hash is computed in the thread that asks."""
        pages = [Page(http, http.get(f"/sign-in/{parked(http)}")) for _ in range(3)]
        taken = []
        for page in pages:
            begun = time.thread_time()
            assert WRONG in page.press("sign-in", username=username, password="wrong").text
            taken.append(time.thread_time() - begun)
        return min(taken)

    of_ada = least_seconds("ada")

    assert 0.7 < of_ada / least_seconds("nobody") < 1.4


def test_an_old_hash_is_made_anew_at_the_next_sign_in(app, http, parked, ada):
    before = ada.password_hash
    services = app.extensions["curfew"]
    stronger = replace(services, settings=replace(services.settings, argon2_passes=2), memo={})
    app.extensions["curfew"] = stronger

    sign_in(http, parked(http))
    db.session.refresh(ada)

    assert ada.password_hash != before
    assert sign_in(http, parked(http)).status_code == 303
