"""Every act of a request is recorded with the address that it came from."""

from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure.database import db
from tests.factories import make_account, make_session
from tests.support.browsers import show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty


def test_every_act_of_a_request_has_its_address(app, http):
    rp, ada = RelyingParty(app, "red"), make_account("ada")
    tokens = rp.sign_in(show_session(http, make_session(ada)), scope="openid offline_access")
    rp.refresh(tokens["refresh_token"])
    rp.refresh(tokens["refresh_token"])
    rp.revoke(tokens["refresh_token"])

    end_read()
    # The session was begun by the test itself, outside of any request.
    acts = db.session.scalars(select(AuditEvent).where(AuditEvent.tag != "session_started")).all()
    assert {one.tag for one in acts} >= {"grant_created", "token_revoked"}
    assert {one.tag for one in acts if one.ip != "127.0.0.1"} == set()
