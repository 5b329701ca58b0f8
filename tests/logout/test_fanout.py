"""The clients that are notified of a logout, and how urgently."""

import pytest

from provider.logout.fanout import priority_of
from provider.logout.models import LogoutReason, LogoutScope

FIRST, AFTERWARDS, IN_BULK = range(3)
EXPIRED = {LogoutReason.IDLE_TIMEOUT, LogoutReason.ABSOLUTE_TIMEOUT}
# Nothing of these is urgent: the person or an app asked for it, or made room for another session.
ORDINARY = {
    LogoutReason.RP_INITIATED,
    LogoutReason.USER,
    LogoutReason.CONSENT_WITHDRAWN,
    LogoutReason.SESSION_LIMIT,
    LogoutReason.SESSION_REPLACED,
    LogoutReason.UNKNOWN_SESSION,
}


@pytest.mark.parametrize("reason", LogoutReason)
def test_what_answers_an_incident_goes_first_and_expiry_last(reason):
    rank = priority_of(reason, LogoutScope.BROWSER, in_bulk=False)

    assert rank == (IN_BULK if reason in EXPIRED else AFTERWARDS if reason in ORDINARY else FIRST)


@pytest.mark.parametrize("scope", LogoutScope)
def test_a_sign_out_everywhere_goes_first_whatever_its_reason(scope):
    rank = priority_of(LogoutReason.USER, scope, in_bulk=False)

    assert rank == (FIRST if scope is LogoutScope.EVERYWHERE else AFTERWARDS)


def test_one_of_very_many_goes_last():
    assert priority_of(LogoutReason.ADMIN, LogoutScope.EVERYWHERE, in_bulk=True) == IN_BULK
