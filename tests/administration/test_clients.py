"""Consequences of a change to a client, by the operator or by the client itself."""

import pytest
from sqlalchemy import select

from provider.administration import clients
from provider.audit.models import AuditEvent
from provider.infrastructure.database import db, transaction
from provider.logout.models import BulkLogout
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.client_registration import read_registration
from tests.factories import make_client

pytestmark = pytest.mark.usefixtures("app")


def without(client, **changed: object) -> ClientMetadata:
    return read_registration(client.registered | changed)


def last_entry(tag: str) -> AuditEvent:
    newest = select(AuditEvent).where(AuditEvent.tag == tag).order_by(AuditEvent.at.desc())
    return db.session.scalars(newest).first()


@pytest.mark.spec("ABU-24")
@pytest.mark.parametrize("actor", ["admin", "client"])
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"scope": "openid profile"}, id="the scope is taken away"),
        pytest.param({"grant_types": ["authorization_code"]}, id="the grant type is taken away"),
    ],
)
def test_a_client_that_may_no_longer_stay_offline_loses_its_offline_grants(actor, changed):
    red = make_client("red")

    with transaction():
        clients.update(red, without(red, **changed), actor=actor)

    begun = db.session.scalars(select(BulkLogout)).one()
    assert (begun.kind, begun.client_id, begun.initiator) == ("client_offline", red.id, actor)


def test_another_change_ends_no_grants():
    red = make_client("red")

    with transaction():
        clients.update(red, without(red, client_name="Scarlet"))

    assert db.session.scalars(select(BulkLogout)).all() == []
    assert last_entry("client_updated").detail["changed"] == ["client_name"]


def test_an_entry_about_a_client_that_changes_itself_stays_small():
    red = make_client("red")
    many = [f"https://red.test/{number}" for number in range(50)]

    with transaction():
        clients.update(red, without(red, redirect_uris=many), actor="client")

    assert last_entry("client_updated").detail == {"client_name": "Red", "redirect_uris": many[:10]}


def test_a_change_decided_from_an_older_row_is_refused():
    red = make_client("red")
    seen_at = red.updated_at
    with transaction():
        clients.update(red, without(red, client_name="Scarlet"))

    with pytest.raises(clients.ChangedMeanwhile), transaction():
        clients.lock_as_seen("red", seen_at)
