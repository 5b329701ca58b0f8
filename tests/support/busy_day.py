"""A provider with a day behind it, for pictures of the console and its stories in a browser."""

import random
from datetime import datetime, timedelta
from uuid import UUID

from provider.accounts.change import set_role
from provider.accounts.models import Account
from provider.accounts.roles import Role
from provider.clients.models import Client
from provider.delivery.models import BreakerState, Delivery, DeliveryAttempt, EndpointHealth
from provider.infrastructure import clock, owned_objects
from provider.infrastructure.acting import Operator, acting_as
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import digest_of, first_id_at, new_id
from provider.logout.bulk import begin as bulk
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import Logout, LogoutReason, LogoutScope
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.steps import Cause, Extent, LogoutDraft
from provider.sessions.models import Session
from tests.factories import make_account, make_client, make_session
from tests.support import busy_service_level

# A registrant that would like to be taken for something else.
HOSTILE_NAME = "Red\u202e<script>alert(1)</script> " + "very " * 12 + "long"
PEOPLE = ("ada", "ben", "dora", "emil", "finn", "greta", "hana", "ivo", "jana", "karl", "lena", "mio")
# After so long a sign-in is too old for a dangerous act.
LONG_AGO = timedelta(minutes=11)
_BY_HOUR = (3, 2, 1, 1, 1, 2, 5, 9, 16, 22, 25, 21, 14, 18, 24, 23, 19, 15, 11, 9, 8, 6, 5, 4)


def make() -> dict[str, Account]:
    """Make people, apps, sessions and logouts, so that every page of the console has something to show."""
    people = {name: make_account(name) for name in ("cleo", *PEOPLE)}
    with transaction():
        set_role(people["cleo"], Role.ADMINISTRATOR)
    apps = {name: make_client(name) for name in ("red", "green", "blue")}
    apps["plain"] = make_client("plain", backchannel_logout_uri=None, client_name="Plain Wiki")
    apps["hostile"] = make_client("hostile", first_party=False)
    with transaction():
        # Registration refuses it; an earlier release, or a change in the database, may not have.
        apps["hostile"].registered = apps["hostile"].registered | {"client_name": HOSTILE_NAME}
        db.session.merge(apps["hostile"])
        owned_objects.give("client", apps["blue"].id, "shop-team")
    _live(people, apps)
    _ended(people, apps)
    busy_service_level.make(apps)
    _past_hours(people["karl"])
    _bulk(apps["green"])
    return people


def _live(people: dict[str, Account], apps: dict[str, Client]) -> None:
    for i, name in enumerate(PEOPLE):
        chosen = [apps["red"], apps["green"]] if i % 2 else [apps["red"], apps["blue"], apps["plain"]]
        make_session(people[name], chosen, offline=("red",) if i % 3 == 0 else ())
    make_session(people["ada"], [apps["green"], apps["hostile"]])


def _ended(people: dict[str, Account], apps: dict[str, Client]) -> None:
    states = ("accepted", "accepted", "pending", "refusing", "expired", "accepted")
    for i, state in enumerate(states * 4):
        person = people[PEOPLE[i % len(PEOPLE)]]
        made = make_session(person, [apps["red"], apps["green"], apps["blue"]])
        reasons = (LogoutReason.RP_INITIATED, LogoutReason.USER, LogoutReason.IDLE_TIMEOUT)
        cause = Cause(
            reason=reasons[i % 3], initiator=("client", "account", "system")[i % 3], client=apps["red"]
        )
        with transaction():
            outcome = end(made.session, cause)
        assert outcome is not None
        _settle(outcome.logout.id, apps, state, after=timedelta(milliseconds=40 + 37 * i * i))
    with acting_as(Operator("cleo", "console, from 192.0.2.7")), transaction():
        end_everywhere(people["greta"], Cause(reason=LogoutReason.ADMIN, initiator="admin"))
    with transaction():
        failing = EndpointHealth(
            kind=BACKCHANNEL_LOGOUT, recipient_id=apps["blue"].id, url="https://blue.test/backchannel-logout"
        )
        failing.state, failing.refusals, failing.last_outcome = BreakerState.CLOSED, 9, "bad_request"
        failing.failing_since = clock.now() - timedelta(hours=3)
        failing.consecutive_failures = failing.window_attempts = failing.window_failures = failing.trips = 0
        db.session.add(failing)


def _settle(logout_id: UUID, apps: dict[str, Client], of_blue: str, *, after: timedelta) -> None:
    """Let red and green accept what they are owed, and blue do what it does."""
    with transaction():
        for one in db.session.query(Delivery).filter(Delivery.cause_id == logout_id):
            _attempted(
                one, of_blue if one.recipient_id == apps["blue"].id else "accepted", one.created_at + after
            )


def _attempted(one: Delivery, state: str, at: datetime) -> None:
    outcomes = {"accepted": ("accepted", 200), "refusing": ("bad_request", 400)}
    outcome, status = outcomes.get(state, ("server_error", 502))
    count = 1 if state in ("accepted", "pending") else 4
    one.state = "pending" if state == "refusing" else state
    one.attempt_count, one.last_outcome, one.last_status = count, outcome, status
    one.refusals = count if state == "refusing" else 0
    one.first_attempt_at, one.next_attempt_at = at, at + timedelta(minutes=9)
    one.last_url = "https://app.test/backchannel-logout"
    one.finished_at = at if state in ("accepted", "expired") else None
    for number in range(1, count + 1):
        db.session.add(
            DeliveryAttempt(
                id=new_id(),
                delivery_id=one.id,
                number=number,
                started_at=at + timedelta(minutes=number - 1),
                finished_at=at + timedelta(minutes=number - 1, milliseconds=84),
                url=one.last_url,
                jti=new_id().hex,
                outcome=outcome,
                status=status,
                latency_ms=84,
            )
        )


def _past_hours(account: Account) -> None:
    """Let sessions have begun and ended over the last day, as many by hour as on a working day."""
    chance, now = random.Random(1), clock.now()
    with transaction():
        for back in range(23):
            hour = now - timedelta(hours=back + 1)
            for _ in range(_BY_HOUR[hour.hour]):
                begin = hour + timedelta(minutes=chance.randrange(60))
                _past_session(account, begin, UUID(int=first_id_at(begin).int + chance.getrandbits(60)))


def _past_session(account: Account, begin: datetime, session_id: UUID) -> None:
    ended = begin + timedelta(minutes=2)
    row = Session(id=session_id, handle_digest=session_id.hex * 2, account_id=account.id)
    row.created_at = row.authenticated_at = row.last_seen_at = begin
    row.expires_at = row.ends_at = row.ended_at = ended
    row.account_epoch = row.provider_epoch = 0
    db.session.add(row)
    if session_id.int % 3:
        cause = Cause(reason=LogoutReason.USER, initiator="account")
        draft = LogoutDraft(cause=cause, scope=LogoutScope.BROWSER, account_id=account.id, at=ended)
        extent = Extent(
            sessions_ended=1, client_sessions_ended=0, grants_revoked=0, grants_surviving=0, notifications=0
        )
        db.session.add(Logout(**draft.values(extent, digest_of(session_id.hex))))


def _bulk(app: Client) -> None:
    """Let a bulk logout run that is paused half way."""
    with acting_as(Operator("cleo", "console, from 192.0.2.7")), transaction():
        begun = bulk.end_offline_of_client(app, "admin")
        begun.total, begun.done, begun.stopped_at = 12_431, 5_210, clock.now()
