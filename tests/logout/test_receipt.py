"""The receipt of a logout: what it says, of whom, and that nothing takes it for a token."""

import json
import re
from datetime import timedelta

import pytest
from authlib.oidc.core import CodeIDToken
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select

from provider.audit import chain
from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery, DeliveryAttempt
from provider.infrastructure import acting, clock
from provider.infrastructure.acting import Operator
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.inspection.receipt import make
from provider.inspection.receipt_check import check
from provider.keys import lifecycle
from provider.keys.jwks import published_jwks
from provider.logout.end_client_session import end_client_session
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.others import end_others
from provider.logout.steps import Cause
from provider.worker import duties
from tests.factories import make_account, make_client, make_session
from tests.support.browsers import ISSUER

pytestmark = pytest.mark.usefixtures("signing_keys")

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account", ip="192.0.2.99")


def act(function, *arguments, cause=BY_ADA, **more):
    with transaction():
        return function(*arguments, cause, **more).logout


def read(logout):
    """Return the content of a logout's receipt, verified by the keys that are published now."""
    return check(make(logout.id).jws.encode(), published_jwks()["keys"]).content


def attempted(client, state: str, outcome: str, *, refusals: int = 0, jti: str = "token-1") -> Delivery:
    with transaction():
        owed = db.session.scalars(select(Delivery).where(Delivery.recipient_id == client.id)).one()
        owed.state, owed.last_outcome, owed.attempt_count, owed.refusals = state, outcome, 1, refusals
        owed.finished_at = None if state == "pending" else clock.now()
        instants = {"started_at": clock.now(), "finished_at": clock.now()}
        made = {"id": new_id(), "delivery_id": owed.id, "number": 1, "url": "https://app.test/logout"}
        db.session.add(DeliveryAttempt(**made, **instants, jti=jti, outcome=outcome, latency_ms=3))
    return owed


def test_it_says_what_ended_what_survived_and_what_each_app_has_done(ada, red, green):
    mute, blue = make_client("mute", backchannel_logout_uri=None), make_client("blue")
    made = make_session(ada, [red, green, blue, mute], offline=("green",))
    logout = act(end, made.session)
    accepted = attempted(red, "accepted", "accepted_oddly")
    attempted(green, "pending", "bad_request", refusals=2)

    said = read(logout)

    assert (said.logout_id, said.account_id, said.at) == (logout.id, ada.id, logout.at)
    assert (said.actor, said.verb, said.reason, said.client_id) == ("account", "browser", "user", None)
    assert said.ended.sessions == [made.session.id]
    assert {one.sid for one in said.ended.client_sessions} == {
        one.sid for one in made.client_sessions.values()
    }
    assert {one.id for one in said.ended.grants} == {made.grants[n].id for n in ("red", "blue", "mute")}
    (kept,) = said.survived.grants
    assert (kept.id, kept.client_id, kept.why) == (made.grants["green"].id, "green", "offline_access")
    apps = {one.client_id: one for one in said.apps}
    states = {"red": "accepted", "green": "refusing", "blue": "waiting", "mute": "no_address"}
    assert {name: one.state for name, one in apps.items()} == states
    assert (apps["red"].jti, apps["red"].accepted_at) == ("token-1", accepted.finished_at)
    assert (apps["green"].jti, apps["green"].accepted_at, apps["green"].attempts) == (None, None, 1)
    assert apps["blue"].next_attempt_at is not None
    assert not said.is_final


def test_it_names_people_by_identifiers_alone(ada, red):
    made = make_session(ada, [red])
    with acting.acting_as(Operator("cleo@example.test", "console, from 192.0.2.7")):
        by_cleo = Cause(reason=LogoutReason.ADMIN, initiator="admin", ip="192.0.2.99")
    logout = act(end, made.session, cause=by_cleo)

    payload = jws.extract_compact(make(logout.id).jws.encode()).payload.decode()

    assert json.loads(payload)["logout_receipt"]["actor"] == "admin"
    for personal in ("ada", "Ada", "cleo", "192.0.2", "Firefox", "example.test", ada.sub):
        # As a word: the digits of an identifier may happen to spell a name.
        assert not re.search(rf"\b{re.escape(personal)}\b", payload), personal


def test_a_session_that_goes_on_is_named_with_the_reason(ada, red, green):
    here, there = make_session(ada, [red, green]), make_session(ada, [red])
    of_app = act(end_client_session, here.client_sessions["red"])
    asked_here = Cause(reason=LogoutReason.USER, initiator="account", asked_in=here.session.id)
    of_others = act(end_others, ada, here.session, cause=asked_here, keep_offline=True)

    survived = [[(one.id, one.why) for one in read(one).survived.sessions] for one in (of_app, of_others)]

    assert survived == [
        [(here.session.id, "only_apps_were_signed_out")],
        [(here.session.id, "browser_in_use")],
    ]
    assert read(of_others).ended.sessions == [there.session.id]


def test_it_names_the_audit_entry_and_its_place_in_the_chain(ada):
    logout = act(end, make_session(ada).session)
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.logout_id == logout.id)).one()
    assert (read(logout).audit.id, read(logout).audit.seq) == (entry.id, None)

    duties.seal_audit()
    db.session.expire_all()

    link = chain.head()
    assert (read(logout).audit.seq, read(logout).audit.chain) == (link.seq, link.chain)


def test_what_was_deleted_for_its_age_is_not_called_an_app_without_address(app, ada, red, turned_clock):
    logout = act(end, make_session(ada, [red]).session)
    with transaction():
        db.session.delete(db.session.scalars(select(Delivery)).one())
    turned_clock.turn(timedelta(days=4000))

    assert [one.state for one in read(logout).apps] == ["pruned"]


def test_it_is_for_the_person_alone_who_asks(ada):
    logout = act(end, make_session(ada).session)

    assert make(logout.id, of_account=ada.id) is not None
    assert make(logout.id, of_account=make_account("ben").id) is None
    assert make(new_id()) is None


def test_a_key_that_was_rotated_verifies_it_while_it_is_published_and_a_copy_does_for_ever(
    app, ada, turned_clock
):
    receipt = make(act(end, make_session(ada).session).id).jws.encode()
    copy = published_jwks()["keys"]
    with transaction():
        lifecycle.rotate(now=True)
    assert check(receipt, published_jwks()["keys"]).issuer == ISSUER

    turned_clock.turn(timedelta(days=4000))
    with transaction():
        lifecycle.advance()

    assert not {one["kid"] for one in copy} & {one["kid"] for one in published_jwks()["keys"]}
    assert check(receipt, copy).issuer == ISSUER


def test_another_library_verifies_it_and_finds_no_token_in_it(ada, red):
    receipt = make(act(end, make_session(ada, [red]).session).id).jws
    keys = KeySet.import_key_set(published_jwks())

    found = jws.deserialize_compact(receipt, keys, algorithms=["ES256"])

    claims = json.loads(found.payload)
    assert found.headers()["typ"] == "vnd.curfew.logout-receipt+jwt"
    assert claims.keys() == {"iss", "iat", "jti", "logout_receipt"}
    # A client that looks at no type, as Authlib's: the claims are not those of an ID Token.
    as_id_token = CodeIDToken(claims, found.headers(), {}, {"client_id": "red"})
    with pytest.raises(JoseError):
        as_id_token.validate(leeway=60)
