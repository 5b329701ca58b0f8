"""Notifications that `curfew check` does not miss, as nothing was owed."""

from datetime import timedelta

from provider.infrastructure import clock
from provider.infrastructure.database import transaction
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from tests.cli.test_check import BY_ADA
from tests.factories import make_account, make_client, make_session


def test_an_app_that_registered_its_address_afterwards_was_owed_nothing(curfew, looking):
    with looking():
        red = make_client("red", backchannel_logout_uri=None)
        made = make_session(make_account("ada"), [red])
        with transaction():
            end(made.session, BY_ADA)
            red.registered = red.registered | {"backchannel_logout_uri": "https://red.test/logout"}
            red.updated_at = clock.now() + timedelta(seconds=1)

    assert curfew("check", "--json").json["wrong"] == 0


def test_an_app_that_does_not_want_to_hear_of_expiry_was_owed_nothing(curfew, looking):
    with looking():
        red = make_client("red", settings={"told_of_expiry": False})
        made = make_session(make_account("ada"), [red])
        with transaction():
            end(made.session, Cause(reason=LogoutReason.IDLE_TIMEOUT, initiator="system", in_bulk=True))

    assert curfew("check", "--json").json["wrong"] == 0
