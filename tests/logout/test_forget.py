"""From where a person has signed out is forgotten when the person is deleted."""

from sqlalchemy import select

from provider.infrastructure import acting
from provider.infrastructure.acting import Operator
from provider.infrastructure.database import db, transaction
from provider.logout.end_session import end
from provider.logout.forget import forget_origins
from provider.logout.models import Logout, LogoutReason
from provider.logout.steps import Cause
from tests.factories import make_session


def signed_out(account, initiator: str, origin: str) -> Logout:
    """A logout with its origin, as the console or an own page of a person notes it."""
    made = make_session(account)
    with acting.acting_as(Operator("cleo", origin)):
        cause = Cause(reason=LogoutReason.USER, initiator=initiator)
    with transaction():
        outcome = end(made.session, cause)
    with transaction():
        logout = db.session.get_one(Logout, outcome.logout.id)
        logout.actor_origin = origin
    return logout


def test_a_persons_own_origins_go_and_those_of_operators_and_of_others_stay(ada, ben):
    by_ada, by_client = signed_out(ada, "account", "192.0.2.1"), signed_out(ada, "client", "192.0.2.2")
    by_cleo, of_ben = signed_out(ada, "admin", "cleo@desk"), signed_out(ben, "account", "192.0.2.3")

    with transaction():
        forget_origins(ada.id)

    db.session.expire_all()
    kept = {one.id: one.actor_origin for one in db.session.scalars(select(Logout))}
    assert kept == {
        by_ada.id: None,
        by_client.id: None,
        by_cleo.id: "cleo@desk",
        of_ben.id: "192.0.2.3",
    }
