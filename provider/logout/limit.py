"""The limit on a person's sessions: a further sign-in ends the oldest session and notifies its apps."""

from sqlalchemy import Integer, Uuid, bindparam, literal, select

from provider.accounts.models import Account
from provider.infrastructure import clock, current
from provider.infrastructure.database import NOW, db
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState
from provider.infrastructure.read_only_rows import find_one
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause, LogoutOutcome
from provider.sessions.models import Session
from provider.sessions.queries import session_is_live

# When a limit is set for the first time, a person's surplus sessions are ended over several sign-ins.
_MOST_AT_ONCE = 50


def enforce(account: Account, new_session: Session) -> list[LogoutOutcome]:
    """End the oldest sessions of a person beyond the limit; the new one is never among them.

    The caller holds the account's row lock, so that concurrent sign-ins count each other.
    """
    most = current.settings().sessions_per_account
    if most == 0 or find_one(_BEYOND, _asked(account, new_session, most)) is None:
        return []
    cause = Cause(reason=LogoutReason.SESSION_LIMIT, initiator="system", ip=new_session.ip)
    outcomes = [end(session, cause) for session in _list_beyond(account, new_session, most)]
    return [outcome for outcome in outcomes if outcome]


def _list_beyond(account: Account, new_session: Session, most: int) -> list[Session]:
    """List the live sessions beyond the limit, oldest last."""
    beyond = _OTHERS.with_only_columns(Session).limit(_MOST_AT_ONCE)
    return list(db.session.scalars(beyond, _asked(account, new_session, most)))


def _asked(account: Account, new_session: Session, most: int) -> dict[str, object]:
    return {
        "account_id": account.id,
        "new_id": new_session.id,
        "others_allowed": most - 1,
        NOW.key: clock.now(),
    }


# Served by ix_session_account_id_id.
_OTHERS = (
    select(Session.id)
    .join(Account, Account.id == Session.account_id)
    .join(ProviderState, IS_THE_ROW)
    .where(Session.account_id == bindparam("account_id", type_=Uuid()))
    .where(Session.id != bindparam("new_id", type_=Uuid()))
    .where(session_is_live(NOW))
    .order_by(Session.id.desc())
    .offset(bindparam("others_allowed", type_=Integer()))
)
# Built once, because each sign-in runs it.
_BEYOND = _OTHERS.limit(literal(1))
