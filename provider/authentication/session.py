"""The session that begins once a person has authenticated."""

from collections.abc import Collection

from provider.accounts.models import Account
from provider.authentication.browser import Browser
from provider.authentication.factors import Factor, acr_of, amr_of
from provider.logout import end_session, limit
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions import lifecycle
from provider.sessions.models import Session


def begin(
    account: Account, factors: Collection[Factor], browser: Browser, *, provider_epoch: int | None = None
) -> tuple[Session, str]:
    """Begin a session in a browser and return it with the cookie's handle.

    An existing session of the same person in this browser is renewed; another person's ends first, and its
    apps are notified. The caller holds the lock on the account's row, so that concurrent sign-ins count each
    other's sessions. It may pass the provider's epoch if it has read that in the same statement.
    """
    found = browser.session
    if found and found.account.id == account.id:
        renewed = renew(found.session, factors, browser)
        if renewed:
            return found.session, renewed
    elif found:
        replaced = Cause(reason=LogoutReason.SESSION_REPLACED, initiator="account", ip=browser.ip)
        end_session.end(found.session, replaced)
    session, handle = lifecycle.start(
        account,
        ip=browser.ip,
        device=browser.device,
        amr=amr_of(factors),
        acr=acr_of(factors),
        provider_epoch=provider_epoch,
    )
    limit.enforce(account, session)
    return session, handle


def renew(session: Session, factors: Collection[Factor], browser: Browser) -> str | None:
    """Record that the person of a session has authenticated again.

    Returns the session's new handle, or None if it has ended.
    """
    return lifecycle.renew(
        session, ip=browser.ip, device=browser.device, amr=amr_of(factors), acr=acr_of(factors)
    )
