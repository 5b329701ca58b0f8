"""The audit entries of a logout are looked up through the index of its person."""

from dataclasses import replace

from provider.audit.queries import Filter
from provider.audit.tags import EventTag
from provider.infrastructure.database import transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.audit_entries import by_person
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from tests.factories import make_session


def test_a_filter_by_logout_names_its_person_too(ada):
    session = make_session(ada).session
    with transaction():
        logout = end(session, Cause(reason=LogoutReason.USER, initiator="account")).logout
    wanted = Filter(logout_id=logout.id, tags=(EventTag.LOGOUT,))

    assert by_person(wanted) == replace(wanted, account_id=ada.id)
    # What another person has to do with it stays nothing.
    of_another = replace(wanted, account_id=new_id())
    assert by_person(of_another) == of_another


def test_any_other_filter_stays_as_it_is(ada):
    for wanted in (Filter(), Filter(account_id=ada.id), Filter(logout_id=new_id())):
        assert by_person(wanted) == wanted
