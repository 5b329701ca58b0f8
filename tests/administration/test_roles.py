"""Roles: who administers, what each role may do, and that there is always an administrator."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from provider.accounts import queries
from provider.accounts.roles import Role
from provider.administration import accounts, roles
from provider.administration.permissions import (
    DANGEROUS,
    LEAST_ROLE,
    NotPermitted,
    Rights,
    is_fresh,
    permissions_of,
    rights_of,
)
from provider.administration.roles import InvalidRole, LastAdministrator, LinkInvalid, RoleUnchanged
from provider.audit.models import AuditEvent
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.protocol.permissions import Permission
from tests.factories import make_account, make_session

pytestmark = pytest.mark.usefixtures("app")


def give(account, role):
    with transaction():
        roles.set_role(account, role)
    return account


def changes_of(account) -> list[tuple[str, str, str]]:
    found = select(AuditEvent).where(AuditEvent.account_id == account.id, AuditEvent.tag == "role_changed")
    return [(e.actor, e.detail["before"], e.detail["after"]) for e in db.session.scalars(found)]


@pytest.fixture
def cleo():
    return give(make_account("cleo"), Role.ADMINISTRATOR)


def test_a_role_is_given_and_taken_with_before_and_after_in_the_audit(ada):
    for role in (Role.VIEWER, Role.OPERATOR, None):
        give(ada, role)

    assert changes_of(ada) == [
        ("admin", "none", "viewer"),
        ("admin", "viewer", "operator"),
        ("admin", "operator", "none"),
    ]


def test_the_same_role_again_is_refused_and_not_recorded(cleo):
    with pytest.raises(RoleUnchanged), transaction():
        roles.set_role(cleo, Role.ADMINISTRATOR)

    assert len(changes_of(cleo)) == 1


def test_there_is_no_other_role():
    with pytest.raises(InvalidRole, match="viewer, operator, administrator, or none"):
        roles.read_role("root")


LOSING = [
    pytest.param(lambda cleo, **how: roles.set_role(cleo, Role.VIEWER, **how), id="another role"),
    pytest.param(lambda cleo, **how: roles.set_role(cleo, None, **how), id="no role"),
    pytest.param(accounts.disable, id="disable"),
    pytest.param(accounts.delete, id="delete"),
]


@pytest.mark.parametrize("lose", LOSING)
def test_the_last_administrator_stays_unless_forced(cleo, ada, lose):
    give(ada, Role.OPERATOR)

    with pytest.raises(LastAdministrator, match="cleo is the last administrator"), transaction():
        lose(cleo)
    with transaction():
        lose(cleo, force=True)

    assert queries.find(cleo.id).role != Role.ADMINISTRATOR or not cleo.is_active


@pytest.mark.parametrize("lose", LOSING)
def test_one_of_two_administrators_may_go(cleo, ben, lose):
    give(ben, Role.ADMINISTRATOR)

    with transaction():
        lose(cleo)

    assert rights_of(queries.find(cleo.id)).role is not Role.ADMINISTRATOR


def test_a_disabled_administrator_does_not_count(cleo, ben):
    give(ben, Role.ADMINISTRATOR)
    with transaction():
        accounts.disable(ben)

    with pytest.raises(LastAdministrator), transaction():
        roles.set_role(cleo, None)


def test_of_two_administrators_who_leave_at_once_one_stays(app, cleo, ben):
    give(ben, Role.ADMINISTRATOR)
    barrier, outcomes = Barrier(2), []

    def leave(account_id):
        with app.app_context():
            account = queries.get(account_id)
            db.session.commit()
            barrier.wait()
            try:
                with transaction():
                    roles.set_role(account, None)
                outcomes.append("gone")
            except LastAdministrator:
                outcomes.append("stays")

    threads = [Thread(target=leave, args=(one.id,)) for one in (cleo, ben)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["gone", "stays"]


@pytest.mark.parametrize("permission", Permission)
def test_each_permission_has_a_least_role_and_all_above_have_it(permission):
    least = LEAST_ROLE[permission]

    assert [role for role in Role if permission in permissions_of(role)] == list(Role)[least.rank :]


def test_without_a_role_or_an_active_account_nothing_is_permitted(cleo, ada):
    assert rights_of(ada).permissions == frozenset()
    with transaction():
        accounts.disable(cleo, force=True)
    assert rights_of(cleo).permissions == frozenset()


def test_looking_changes_nothing():
    assert permissions_of(Role.VIEWER) == {Permission.READ, Permission.READ_AUDIT}
    assert not DANGEROUS & permissions_of(Role.VIEWER)


@pytest.mark.parametrize(
    ("rights", "role", "may"),
    [
        pytest.param("operator", None, True, id="an operator over a person"),
        pytest.param("operator", Role.OPERATOR, True, id="an operator over an operator"),
        pytest.param("operator", Role.ADMINISTRATOR, False, id="an operator over an administrator"),
        pytest.param("administrator", Role.ADMINISTRATOR, True, id="an administrator over another"),
        pytest.param("service", None, True, id="a service over a person"),
        pytest.param("service", Role.VIEWER, False, id="a service over a viewer"),
        pytest.param("service of roles", Role.ADMINISTRATOR, True, id="a service that may give roles"),
    ],
)
def test_acting_on_a_person_with_a_role_above_ones_own_is_refused(ada, rights, role, may):
    ada.role = role
    callers = {
        "operator": Rights(permissions=permissions_of(Role.OPERATOR), role=Role.OPERATOR),
        "administrator": Rights(permissions=permissions_of(Role.ADMINISTRATOR), role=Role.ADMINISTRATOR),
        "service": Rights(permissions=frozenset({Permission.CHANGE_PEOPLE})),
        "service of roles": Rights(permissions=frozenset({Permission.CHANGE_ROLES})),
    }

    try:
        callers[rights].check_over(ada)
        assert may
    except NotPermitted:
        assert not may


def test_a_client_gets_no_permission_that_its_giver_lacks():
    service = Rights(permissions=frozenset({Permission.CHANGE_CLIENTS}))

    service.check_over_scopes(frozenset({"openid", Permission.CHANGE_CLIENTS}))
    with pytest.raises(NotPermitted, match="curfew:roles:write"):
        service.check_over_scopes(frozenset({Permission.CHANGE_ROLES}))


@pytest.mark.parametrize(
    ("ago", "fresh"),
    [
        pytest.param(timedelta(minutes=10), True, id="just in time"),
        pytest.param(timedelta(minutes=10, seconds=1), False, id="too long ago"),
        pytest.param(timedelta(seconds=-1), False, id="in the future"),
        pytest.param(None, False, id="no sign-in at all"),
    ],
)
def test_a_sign_in_is_fresh_for_a_while(ago, fresh):
    now = clock.now()

    found = is_fresh(now - ago if ago is not None else None, now=now, longest=timedelta(minutes=10))

    assert found is fresh


def test_a_link_makes_the_first_administrator_once(ada, ben):
    with transaction():
        _row, handle = roles.offer_first()

    with transaction():
        roles.become_first(handle, ada)
    with pytest.raises(LinkInvalid), transaction():
        roles.become_first(handle, ben)

    assert (rights_of(ada).role, rights_of(ben).role) == (Role.ADMINISTRATOR, None)
    assert changes_of(ada) == [("account", "none", "administrator")]


def test_no_link_is_made_beside_an_open_one_or_an_administrator(turned_clock, ada):
    with transaction():
        made = roles.offer_first()
        assert roles.offer_first() is None
    turned_clock.turn(timedelta(hours=1, seconds=1))
    assert not roles.is_offer_good(made[1])
    with transaction():
        assert roles.offer_first() is not None

    give(ada, Role.ADMINISTRATOR)

    with transaction():
        assert roles.offer_first() is None


def test_a_link_is_void_once_there_is_an_administrator(ada, ben):
    with transaction():
        _row, handle = roles.offer_first()
    give(ada, Role.ADMINISTRATOR)

    with pytest.raises(LinkInvalid), transaction():
        roles.become_first(handle, ben)
    assert not roles.is_offer_good(handle)


@pytest.mark.spec("SEC-629")
def test_a_reset_voids_the_password_and_the_person_sets_another(ada):
    made = make_session(ada)
    with transaction():
        outcome, handle = accounts.begin_reset(ada)
    db.session.refresh(made.session)
    assert made.session.ended_at is not None
    assert (outcome.logout.reason, ada.password_hash) == ("password_reset", None)

    assert accounts.find_resetting(handle).id == ada.id
    with transaction():
        assert accounts.finish_reset(handle, ada, "a wholly other phrase")
    assert accounts.find_resetting(handle) is None
    assert ada.password_hash is not None


def test_a_second_reset_voids_the_first_link(ada):
    with transaction():
        _, first = accounts.begin_reset(ada)
    with transaction():
        _, second = accounts.begin_reset(ada)

    assert accounts.find_resetting(first) is None
    assert accounts.find_resetting(second) is not None
