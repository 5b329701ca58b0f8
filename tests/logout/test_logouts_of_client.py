"""The logouts of a client: named where they are few, found among all where they are many."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.delivery import outbox
from provider.delivery.models import Delivery
from provider.delivery.outbox import Owed, Owing
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import change, transaction
from provider.logout import detail
from provider.logout.detail import Filter, list_logouts
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.steps import Cause
from provider.sessions.models import ClientSession
from tests.factories import make_client, make_session

pytestmark = pytest.mark.usefixtures("turned_clock")


def sign_out(account, *clients, offline=()):
    session = make_session(account, list(clients), offline=offline).session
    with transaction():
        return end(session, Cause(reason=LogoutReason.USER, initiator="account")).logout.id


def listed(client) -> list:
    return [logout.id for logout, _ in list_logouts(Filter(client_pk=client.id))]


@pytest.fixture(params=["few", "many"])
def either_way(request, monkeypatch) -> None:
    """A client has many logouts if it has any, or never."""
    if request.param == "many":
        monkeypatch.setattr(detail, "_MANY", 0)


@pytest.mark.usefixtures("either_way")
class TestConcern:
    def test_what_has_ended_or_was_revoked_or_is_owed(self, ada, ben, red, green):
        mute, kept = (make_client(name, backchannel_logout_uri=None) for name in ("mute", "kept"))
        first = sign_out(ada, red, mute)
        second = sign_out(ben, green, kept, offline=("kept",))
        third = sign_out(ada, green)
        with transaction():
            # All that is left of the first at mute is a grant, of the third at green a notification.
            change(update(ClientSession).where(ClientSession.client_id == mute.id).values(logout_id=None))
            for model in (ClientSession, Grant):
                change(update(model).where(model.logout_id == third).values(logout_id=None))

        assert listed(red) == listed(mute) == [first]
        assert listed(green) == [third, second]
        assert listed(kept) == [second]
        assert listed(make_client("other")) == []

    def test_news_of_another_kind_is_none(self, ada, red, green):
        logout = sign_out(ada, red)
        other = Owed(kind="weather", recipient_id=green.id, subject_key="storm")
        with transaction():
            outbox.enqueue([Owing(other, logout, 0)], at=clock.now(), horizon=timedelta(hours=1))

        assert listed(green) == []


@pytest.mark.parametrize("kept", [ClientSession, Grant, Delivery])
@pytest.mark.parametrize(("many", "is_named"), [(4, True), (3, False), (2, False)])
def test_they_are_named_unless_there_are_many(ada, red, monkeypatch, statements, kept, many, is_named):
    """Each kind of row counts by itself, and only those that belong to a logout."""
    logouts = {sign_out(ada, red) for _ in range(3)}
    make_session(ada, [red])
    with transaction():
        if kept is not Delivery:
            change(update(Delivery).values(kind="weather"))
        for model in {ClientSession, Grant} - {kept}:
            change(update(model).values(logout_id=None))
        others = [
            Owing(Owed(kind="weather", recipient_id=red.id, subject_key="storm"), min(logouts), 0),
            Owing(Owed(kind=BACKCHANNEL_LOGOUT, recipient_id=red.id, subject_key="x"), None, 0),
        ]
        outbox.enqueue(others, at=clock.now(), horizon=timedelta(hours=1))
    monkeypatch.setattr(detail, "_MANY", many)

    with statements() as seen:
        found = listed(red)

    assert set(found) == logouts
    assert ("EXISTS" not in seen[-1]) == is_named
