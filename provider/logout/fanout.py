"""Decide which clients are notified of a logout, and with which claims."""

from collections.abc import Sequence
from uuid import UUID

from provider.clients.models import LogoutTokenNames
from provider.delivery.outbox import Owed
from provider.logout.models import LogoutReason, LogoutScope
from provider.logout.notice import LogoutNotice
from provider.logout.participants import Participant

FIRST, AFTERWARDS, IN_BULK = 0, 1, 2
# These respond to an incident: an attacker may use every second until an RP is notified.
SECURITY_REASONS = frozenset(
    {
        LogoutReason.ADMIN,
        LogoutReason.UPSTREAM,
        LogoutReason.PASSWORD_CHANGED,
        LogoutReason.PASSWORD_RESET,
        LogoutReason.ACCOUNT_DISABLED,
        LogoutReason.ACCOUNT_DELETED,
        LogoutReason.REFRESH_REPLAY,
        LogoutReason.CODE_REPLAY,
    }
)


# No person or operator caused these; a client may choose not to be notified of them (DEC-06).
EXPIRY_REASONS = frozenset({LogoutReason.IDLE_TIMEOUT, LogoutReason.ABSOLUTE_TIMEOUT})


def plan(participants: Sequence[Participant], reason: LogoutReason) -> list[Owed]:
    """Return what is owed: one per ended client session, or one per client that gets only `sub`."""
    owed: dict[tuple[UUID, str], Owed] = {}
    for participant in participants:
        if participant.has_address and (participant.client.told_of_expiry or reason not in EXPIRY_REASONS):
            one = _owed(participant)
            owed.setdefault((one.recipient_id, one.subject_key), one)
    return list(owed.values())


def priority_of(reason: LogoutReason, scope: LogoutScope, *, in_bulk: bool) -> int:
    """Return the priority of a logout's deliveries: those with a security reason go first (design §5).

    Deliveries of a bulk logout or of expiry go last, whatever the reason: a person who signs out must not
    wait behind a million others.
    """
    if in_bulk or reason in EXPIRY_REASONS:
        return IN_BULK
    return FIRST if reason in SECURITY_REASONS or scope is LogoutScope.EVERYWHERE else AFTERWARDS


def _owed(participant: Participant) -> Owed:
    # The tokens of a client that gets only `sub` would all be the same, so one is enough.
    names_sid = participant.client.logout_token_names != LogoutTokenNames.SUB
    ended = participant.client_session or participant.grant
    notice = LogoutNotice(
        account_id=participant.grant.account_id,
        session_id=participant.client_session.session_id if participant.client_session else None,
        sub=participant.grant.sub,
        sid=participant.sid if names_sid else None,
    )
    return notice.owed_to(
        participant.client.id,
        f"sid:{ended.id}" if names_sid else f"sub:{participant.client.id}",
        meaningful_for=participant.client.session_lifetime,
    )
