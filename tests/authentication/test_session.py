"""The session that follows a sign-in, by the browser it is in and the factors that were proven."""

from provider.authentication import session
from provider.authentication.browser import Browser
from provider.authentication.factors import Factor, acr_of, amr_of
from provider.infrastructure.database import db, transaction
from provider.protocol.acr import PASSWORD_ACR
from provider.sessions.queries import find_live
from tests.factories import make_account, make_session

PASSWORD = (Factor.PASSWORD,)


def begin(account, **shown):
    with transaction():
        return session.begin(account, PASSWORD, Browser(ip="192.0.2.7", device="Safari on iOS", **shown))


def test_a_session_says_by_which_factors_it_began(ada):
    begun, handle = begin(ada)

    assert find_live(handle).session.id == begun.id
    assert (begun.amr, begun.acr) == ("pwd", PASSWORD_ACR)
    assert (begun.ip, begun.device) == ("192.0.2.7", "Safari on iOS")


def test_the_same_persons_session_goes_on_under_a_new_handle(ada):
    old = make_session(ada)

    renewed, handle = begin(ada, session=find_live(old.handle))

    assert renewed.id == old.session.id
    assert find_live(old.handle) is None
    assert find_live(handle).session.id == old.session.id


def test_another_persons_session_ends_first(ada):
    bens = make_session(make_account("ben"))

    begun, _handle = begin(ada, session=find_live(bens.handle))

    db.session.refresh(bens.session)
    assert bens.session.ended_at is not None
    assert begun.account_id == ada.id


def test_a_session_that_has_ended_is_not_renewed(ada):
    old = make_session(ada)
    found = find_live(old.handle)
    begin(ada, session=found)
    with transaction():
        old.session.ended_at = old.session.created_at

    begun, _handle = begin(ada, session=found)

    assert begun.id != old.session.id


def test_one_factor_named_twice_is_listed_once():
    assert amr_of((Factor.PASSWORD, Factor.PASSWORD)) == "pwd"
    assert acr_of((Factor.PASSWORD, Factor.PASSWORD)) == PASSWORD_ACR
