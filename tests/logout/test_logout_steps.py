"""The three verbs: what each ends, what it leaves, and who is notified."""

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.clients.models import OfflinePolicy
from provider.delivery.models import Delivery
from provider.infrastructure.database import db, transaction
from provider.logout.end_client_session import end_client_session
from provider.logout.end_grant import end_grant
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions.queries import find_live
from tests.factories import make_account, make_client, make_session

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


def deliveries() -> list[Delivery]:
    return list(db.session.scalars(select(Delivery)))


def notified() -> set[str | None]:
    return {delivery.sid for delivery in deliveries()}


@pytest.mark.spec("backchannel OP 3")
def test_the_end_of_a_session_is_owed_to_exactly_its_clients(ada, red, green):
    here, elsewhere = make_session(ada, [red, green]), make_session(ada, [red])

    with transaction():
        outcome = end(here.session, BY_ADA)

    assert outcome.notifications == 2
    assert notified() == {client_session.sid for client_session in here.client_sessions.values()}
    assert find_live(here.handle) is None
    assert find_live(elsewhere.handle) is not None


@pytest.mark.spec("backchannel OP 9")
def test_only_grants_without_offline_access_go_with_the_session(ada, red, green):
    made = make_session(ada, [red, green], offline=("green",))

    with transaction():
        outcome = end(made.session, BY_ADA)

    db.session.refresh(made.grants["red"])
    db.session.refresh(made.grants["green"])
    assert made.grants["red"].revoked_at is not None
    assert made.grants["green"].revoked_at is None
    assert [client_session.client.client_id for client_session in outcome.survivors] == ["green"]
    assert outcome.logout.grants_surviving == 1


def test_a_client_may_have_its_offline_grants_revoked_with_the_session(ada):
    strict = make_client("strict", settings={"offline_policy": OfflinePolicy.REVOKE})
    made = make_session(ada, [strict], offline=("strict",))

    with transaction():
        end(made.session, BY_ADA)

    db.session.refresh(made.grants["strict"])
    assert made.grants["strict"].revoked_at is not None


def test_a_session_ends_once_and_its_apps_are_notified_once(ada, red):
    made = make_session(ada, [red])

    with transaction():
        first = end(made.session, BY_ADA)
    with transaction():
        second = end(made.session, BY_ADA)

    assert first is not None
    assert second is None
    assert len(deliveries()) == 1


def test_an_ending_leaves_one_audit_entry_that_says_what_it_did(ada, red, green):
    made = make_session(ada, [red, green])

    with transaction():
        outcome = end(made.session, BY_ADA)

    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "logout")).one()
    assert entry.logout_id == outcome.logout.id
    assert entry.account_id == ada.id
    assert entry.session_id == made.session.id
    assert (entry.detail["apps_to_notify"], entry.detail["notifications"]) == (2, 2)
    assert entry.detail["reason"] == "user"


def test_a_grant_that_expires_at_the_very_instant_is_revoked_and_not_counted(ada, red, green, turned_clock):
    made = make_session(ada, [red, green])
    with transaction():
        made.grants["red"].expires_at = turned_clock()

    with transaction():
        outcome = end(made.session, BY_ADA)

    db.session.refresh(made.grants["red"])
    assert made.grants["red"].revoked_at == turned_clock()
    assert outcome.logout.grants_revoked == 1


def test_a_failed_ending_leaves_no_trace(ada, red):
    made = make_session(ada, [red])

    def crash() -> None:
        with transaction():
            end(made.session, BY_ADA)
            raise RuntimeError("crash between the statements")

    with pytest.raises(RuntimeError, match="crash"):
        crash()

    assert deliveries() == []
    assert find_live(made.handle) is not None


def test_sign_out_of_this_app_leaves_the_browser_and_the_other_apps_alone(ada, red, green):
    made = make_session(ada, [red, green])

    with transaction():
        end_client_session(made.client_sessions["red"], BY_ADA)

    assert notified() == {made.client_sessions["red"].sid}
    assert find_live(made.handle) is not None
    db.session.refresh(made.client_sessions["green"])
    assert made.client_sessions["green"].is_live


def test_sign_out_of_this_app_keeps_an_offline_grant_unless_it_is_meant(ada, green):
    kept, meant = (make_session(ada, [green], offline=("green",)) for _ in range(2))

    with transaction():
        end_client_session(kept.client_sessions["green"], BY_ADA)
    with transaction():
        end_client_session(meant.client_sessions["green"], BY_ADA, revoke_offline=True)

    db.session.refresh(kept.grants["green"])
    db.session.refresh(meant.grants["green"])
    assert kept.grants["green"].revoked_at is None
    assert meant.grants["green"].revoked_at is not None


def test_sign_out_everywhere_ends_all_sessions_and_all_grants(ada, red, green):
    one, two = make_session(ada, [red]), make_session(ada, [green], offline=("green",))
    ben = make_session(make_account("ben"), [red])

    with transaction():
        outcome = end_everywhere(ada, BY_ADA)

    assert outcome.logout.sessions_ended == 2
    assert outcome.logout.grants_revoked == 2
    assert notified() == {one.client_sessions["red"].sid, two.client_sessions["green"].sid}
    assert find_live(one.handle) is None
    assert find_live(two.handle) is None
    assert find_live(ben.handle) is not None


def test_sign_out_everywhere_tells_an_offline_grant_on_its_own_under_its_old_sid(ada, green):
    made = make_session(ada, [green], offline=("green",))
    with transaction():
        end(made.session, BY_ADA)
    first = {delivery.cause_id for delivery in deliveries()}

    with transaction():
        outcome = end_everywhere(ada, BY_ADA)

    (late,) = [delivery for delivery in deliveries() if delivery.cause_id not in first]
    assert late.cause_id == outcome.logout.id
    assert late.sid == made.client_sessions["green"].sid
    db.session.refresh(made.grants["green"])
    assert made.grants["green"].revoked_at is not None


def test_a_session_in_the_making_during_sign_out_everywhere_is_already_revoked(ada, red):
    stale = ada.epoch
    with transaction():
        end_everywhere(ada, BY_ADA)

    late = make_session(ada, [red])
    with transaction():
        late.session.account_epoch = stale

    assert find_live(late.handle) is None


def test_every_ended_client_session_is_notified_by_its_own_sid(ada):
    simple = make_client("simple")
    made = [make_session(ada, [simple]), make_session(ada, [simple], offline=("simple",))]
    with transaction():
        end(made[1].session, BY_ADA)
    first = deliveries()

    with transaction():
        end_everywhere(ada, BY_ADA)

    assert [one.sid for one in first] == [made[1].client_sessions["simple"].sid]
    # The offline grant alone is left of the second, and is named by the sid under which it was given.
    again = {one.sid for one in deliveries() if one.cause_id != first[0].cause_id}
    assert again == {made[0].client_sessions["simple"].sid, made[1].grants["simple"].sid}


@pytest.mark.spec("DEC-14")
def test_a_client_that_is_sent_sub_alone_is_notified_once_per_logout(ada):
    simple = make_client("simple", settings={"logout_token_names": "sub"})
    make_session(ada, [simple])
    make_session(ada, [simple])

    with transaction():
        end_everywhere(ada, BY_ADA)

    (delivery,) = deliveries()
    assert delivery.sid is None
    assert delivery.sub == ada.sub


def test_a_client_without_an_address_is_part_of_the_ending_but_owed_nothing(ada):
    mute = make_client("mute", backchannel_logout_uri=None)
    made = make_session(ada, [mute])

    with transaction():
        outcome = end(made.session, BY_ADA)

    assert outcome.logout.client_sessions_ended == 1
    assert deliveries() == []


def test_the_end_of_a_grant_takes_its_share_of_the_session_along(ada, red, green):
    made = make_session(ada, [red, green], offline=("red",))

    with transaction():
        first = end_grant(made.grants["red"].id, BY_ADA)
    with transaction():
        again = end_grant(made.grants["red"].id, BY_ADA)

    assert first is not None
    assert again is None
    assert notified() == {made.client_sessions["red"].sid}
    db.session.refresh(made.client_sessions["red"])
    assert not made.client_sessions["red"].is_live
    assert find_live(made.handle) is not None


@pytest.mark.parametrize("apps", [0, 1, 3, 12])
def test_an_ending_costs_the_same_number_of_statements_however_many_apps_there_are(ada, statements, apps):
    clients = [make_client(f"app{number}") for number in range(apps)]
    made = make_session(ada, clients)

    with statements() as seen, transaction():
        end(made.session, BY_ADA)

    assert len(seen) <= 7
