"""Give a device its two codes, record a person's answer, and check that it still holds (rfc8628).

Each answer and each use is one conditional update: of any number of concurrent pages or polls, only one
succeeds.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select, update

from provider.accounts.queries import lock
from provider.clients.models import Client
from provider.infrastructure import clock, current
from provider.infrastructure.database import change, db
from provider.infrastructure.opaque_tokens import digest_of, new_handle, new_id, new_letters
from provider.infrastructure.secrets import SecretBox
from provider.protocol.user_code import LENGTH, LETTERS
from provider.sessions.queries import FoundSession, find_live_by_id
from provider.tokens.device_models import DeviceCode

DEVICE_CODE_PREFIX = "cfd_"
_LABEL = "user-code"
# rfc8628 §3.2: 'If no value is provided, clients MUST use 5 as the default'; §3.5: 'increased by 5 seconds'.
_INTERVAL = 5
_SLOWER_BY = 5
# Even for a device that always polls too early, the interval must not overflow its column.
_SLOWEST = 3600


class DeviceCodeState(StrEnum):
    """The state of a device's request."""

    WAITING = "waiting"
    ALLOWED = "allowed"
    DENIED = "denied"
    EXPIRED = "expired"
    USED = "used"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDeviceCode:
    """A device code that we once gave out, with its client as it is now."""

    code: DeviceCode
    client: Client

    @property
    def state(self) -> DeviceCodeState:
        """The state of a code as the device learns it."""
        if self.code.used_at is not None:
            return DeviceCodeState.USED
        if self.code.denied_at is not None:
            return DeviceCodeState.DENIED
        if self.code.expires_at <= clock.now():
            return DeviceCodeState.EXPIRED
        return DeviceCodeState.WAITING if self.code.allowed_at is None else DeviceCodeState.ALLOWED


def issue(
    client: Client, *, scope: str, device: str, ip: str | None, request: dict[str, Any]
) -> tuple[DeviceCode, str, str]:
    """Issue a device's two codes; returns the row with the device code and the user code."""
    now, handle = clock.now(), new_handle(DEVICE_CODE_PREFIX)
    user_code = new_letters(LETTERS, LENGTH)
    code = DeviceCode(
        id=new_id(),
        digest=digest_of(handle),
        user_code_digest=current.secret_box().keyed_digest(_LABEL, user_code),
        client_id=client.id,
        client_epoch=client.epoch,
        scope=scope,
        request=request,
        device=device,
        ip=ip,
        interval=_INTERVAL,
        next_poll_at=now,
        created_at=now,
        expires_at=now + current.settings().device_code_lifetime,
    )
    db.session.add(code)
    return code, handle, user_code


def find_waiting(user_code: str) -> tuple[DeviceCode, Client] | None:
    """Find the device that shows this code and waits, in one statement."""
    box = current.secret_box()
    found, newest = _find_waiting(user_code, box), box
    if found is None:
        # Another process may have rotated the data keys and issued the code since.
        newest = current.data_keys().look_again()
    return found if newest is box else _find_waiting(user_code, newest)


def _find_waiting(user_code: str, box: SecretBox) -> tuple[DeviceCode, Client] | None:
    digests = box.keyed_digests(_LABEL, user_code)
    waiting = (
        select(DeviceCode, Client)
        .join(Client, Client.id == DeviceCode.client_id)
        .where(DeviceCode.user_code_digest.in_(digests), _waits())
        .where(Client.disabled_at.is_(None), Client.deleted_at.is_(None))
        .where(DeviceCode.client_epoch == Client.epoch)
    )
    row = db.session.execute(waiting, execution_options={"populate_existing": True}).one_or_none()
    return row and (row[0], row[1])


def find(handle: str) -> FoundDeviceCode | None:
    """Find a device code, whatever has become of it, in one statement."""
    known = (
        select(DeviceCode, Client)
        .join(Client, Client.id == DeviceCode.client_id)
        .where(DeviceCode.digest == digest_of(handle))
    )
    row = db.session.execute(known, execution_options={"populate_existing": True}).one_or_none()
    return row and FoundDeviceCode(code=row[0], client=row[1])


def find_answering_session(found: FoundDeviceCode) -> FoundSession | None:
    """Find the session in which the device was allowed, if nothing has ended since (SEC-711).

    Like an authorization code, an answer needs a live session until it is redeemed; the tokens issued for it
    do not. A sign-out everywhere takes the same account lock: if it comes first, the answer is void; if it
    comes later, it finds those tokens.
    """
    code = found.code
    if code.account_id is None or code.session_id is None or code.client_epoch != found.client.epoch:
        return None
    lock(code.account_id)
    return find_live_by_id(code.session_id)


def allow(code: DeviceCode, by: FoundSession) -> bool:
    """Note that the person of a session allows the device; False if the code has been answered already."""
    return _answer(
        code,
        allowed_at=clock.now(),
        account_id=by.account.id,
        session_id=by.session.id,
        authenticated_at=by.session.authenticated_at,
        amr=by.session.amr,
        acr=by.session.acr,
    )


def deny(code: DeviceCode, by: FoundSession) -> bool:
    """Note that the person of a session denies the device; False if the code has been answered already."""
    return _answer(code, denied_at=clock.now(), account_id=by.account.id, session_id=by.session.id)


def use(code: DeviceCode) -> bool:
    """Use up an answer; only one of any number of polls gets True."""
    mine = (
        update(DeviceCode)
        .where(DeviceCode.id == code.id, DeviceCode.allowed_at.is_not(None), DeviceCode.used_at.is_(None))
        # Consent may be withdrawn before the device has fetched its tokens.
        .where(DeviceCode.denied_at.is_(None))
        .values(used_at=clock.now())
    )
    return change(mine) == 1


def take_back(account_id: UUID, client: Client) -> int:
    """Deny the devices of a client that a person has allowed and that have not fetched their tokens yet.

    Called before the account is locked, in the same order as a poll that fetches tokens.
    """
    answered = update(DeviceCode).where(
        DeviceCode.account_id == account_id,
        DeviceCode.client_id == client.id,
        DeviceCode.allowed_at.is_not(None),
        DeviceCode.used_at.is_(None),
        DeviceCode.denied_at.is_(None),
    )
    return change(answered.values(denied_at=clock.now()))


def note_poll(code: DeviceCode) -> bool:
    """Note a poll; return False if it comes too early, which makes the polling interval longer for good.

    Of several concurrent polls, only one is in time (rfc8628 §3.5).
    """
    now = clock.now()
    this_one = update(DeviceCode).where(DeviceCode.id == code.id)
    next_poll_at = now + timedelta(seconds=code.interval)
    if change(this_one.where(DeviceCode.next_poll_at <= now).values(next_poll_at=next_poll_at)) == 1:
        return True
    interval = min(code.interval + _SLOWER_BY, _SLOWEST)
    change(this_one.values(interval=interval, next_poll_at=now + timedelta(seconds=interval)))
    return False


def _answer(code: DeviceCode, **answer: Any) -> bool:
    mine = update(DeviceCode).where(DeviceCode.id == code.id, _waits()).values(**answer)
    return change(mine) == 1


def _waits() -> ColumnElement[bool]:
    return and_(
        DeviceCode.allowed_at.is_(None), DeviceCode.denied_at.is_(None), DeviceCode.expires_at > clock.now()
    )
