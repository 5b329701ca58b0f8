"""Personal data leaves the entries about a deleted person, and the chain still verifies."""

import json

import pytest
from sqlalchemy import select, update

from provider.administration import accounts
from provider.audit.chain import seal
from provider.audit.erase import erase
from provider.audit.models import AuditEvent
from provider.audit.prune import prune
from provider.audit.record import macs_of, record
from provider.audit.tags import EventTag
from provider.audit.verify import verify
from provider.infrastructure import clock, current
from provider.infrastructure.database import change, db, transaction
from provider.sessions.models import Session
from tests.audit.tampering import tamper
from tests.factories import make_account, make_session

IP = "192.0.2.77"


@pytest.fixture
def ben(app):
    return make_account("ben")


@pytest.fixture
def written(app, ada, ben):
    """Entries about Ada and Ben, linked; one of Ada's by an operator."""
    with transaction():
        for account in (ada, ben, ada):
            about = {"account_id": account.id, "ip": IP}
            record(EventTag.SESSION_STARTED, actor="account", device="Firefox", **about)
        record(EventTag.ACCOUNT_ENABLED, actor="admin", account_id=ada.id, ip="198.51.100.1")
        seal()
    db.session.expire_all()
    assert verify().problems == ()


def entries_about(account) -> list[AuditEvent]:
    db.session.expire_all()
    wanted = select(AuditEvent).where(AuditEvent.account_id == account.id).order_by(AuditEvent.seq)
    return list(db.session.scalars(wanted))


def erase_all_about(account) -> int:
    with transaction():
        return erase(account.id)


@pytest.mark.usefixtures("written")
def test_the_address_and_the_device_go_and_the_chain_holds(ada, ben):
    assert erase_all_about(ada) == 2

    first, second, by_operator = entries_about(ada)
    for one in (first, second):
        assert (one.ip, one.salt, one.detail) == (None, None, {})
    assert by_operator.ip == "198.51.100.1"
    assert entries_about(ben)[0].ip == IP
    assert verify().problems == ()
    assert erase_all_about(ada) == 0


@pytest.mark.usefixtures("written")
def test_entries_of_the_release_before_are_erased_too(ada):
    with transaction():
        for event in db.session.scalars(select(AuditEvent)):
            event.salt = None
            event.mac = macs_of(event, current.secret_box())[0]
            event.seq = event.chain = None
        db.session.flush()
        seal()
    assert verify().problems == ()

    assert erase_all_about(ada) == 2

    assert verify().problems == ()


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"ip": None}, id="an address that is taken out"),
        pytest.param({"ip": None, "salt": None, "detail": {}}, id="all of it"),
        pytest.param({"ip": None, "salt": None, "detail": {}, "erased": "0" * 64}, id="with a digest"),
    ],
)
def test_what_someone_else_takes_out_is_found(ada, values):
    key = entries_about(ada)[0].id
    tamper(update(AuditEvent).where(AuditEvent.id == key).values(**values))

    assert verify().problems == ("entry 1 (session_started) was changed, or this provider did not write it",)


@pytest.mark.usefixtures("written")
def test_an_erased_entry_cannot_be_given_another_address_or_kind(ada):
    erase_all_about(ada)
    keys = [one.id for one in entries_about(ada)[:2]]
    tamper(
        update(AuditEvent).where(AuditEvent.id == keys[0]).values(ip="203.0.113.1"),
        update(AuditEvent).where(AuditEvent.id == keys[1]).values(tag="sign_in_succeeded"),
    )

    assert verify().problems == (
        "entry 1 (session_started) was changed, or this provider did not write it",
        "entry 3 (sign_in_succeeded) was changed, or this provider did not write it",
    )


@pytest.mark.usefixtures("written")
def test_an_entry_that_was_tampered_with_stays_as_evidence(ada, caplog):
    key = entries_about(ada)[0].id
    tamper(update(AuditEvent).where(AuditEvent.id == key).values(ip="203.0.113.1"))

    assert erase_all_about(ada) == 1

    assert entries_about(ada)[0].ip == "203.0.113.1"
    assert "audit_entry_not_erased" in caplog.text


@pytest.mark.usefixtures("written")
def test_erased_entries_are_pruned_like_others(ada):
    erase_all_about(ada)

    with transaction():
        assert prune(clock.now()) == 3

    assert verify().problems == ()


def test_deleting_a_person_erases_what_is_kept_about_them(app, ada):
    make_session(ada)
    with transaction():
        record(EventTag.SIGN_IN_SUCCEEDED, actor="account", account_id=ada.id, ip=IP)

    with transaction():
        accounts.delete(ada)

    left = json.dumps([[one.tag, one.ip, one.detail] for one in entries_about(ada)])
    assert IP not in left
    assert "Firefox" not in left
    erased = [one for one in entries_about(ada) if one.tag == EventTag.PERSONAL_DATA_ERASED]
    assert [one.detail["entries"] for one in erased] == [2]
    (session,) = db.session.scalars(select(Session))
    assert (session.ip, session.device) == (None, "")
    with transaction():
        seal()
    assert verify().problems == ()
    assert change(update(Session).values(device="")) == 1
