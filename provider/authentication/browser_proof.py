"""Proof that a browser has signed in to an account before: guesses made elsewhere do not count against it.

A proof is a random identifier, the time it was made, a MAC over both, and a second MAC over both and the
account. It does not name the account, and the server stores nothing. The second MAC covers the account's
epoch and the time its password was set: a change of password, a disabled account and *sign out everywhere*
revoke every proof. The first MAC shows, without reference to an account, that someone has signed in with this
browser.
"""

import hmac
from collections.abc import Iterable
from datetime import timedelta

from provider.accounts.models import Account
from provider.infrastructure import clock, current
from provider.infrastructure.opaque_tokens import new_handle

# A proof that has just been made must stay valid when the clock is set back a little.
_CLOCK_SKEW = timedelta(minutes=1)


def make(account: Account) -> str:
    """Return a new proof that a browser signed in to this account now."""
    browser = new_handle()
    made_at = str(int(clock.now().timestamp()))
    return f"{browser}.{made_at}.{_mac(browser, made_at)}.{_mac_for(account, browser, made_at)}"


def find_browser(proofs: Iterable[str], account: Account | None) -> str | None:
    """Return the identifier in the first of these proofs that is valid for the account, or None.

    The work is the same without an account, so that the response time does not reveal whether one exists.
    """
    found = None
    for proof in proofs:
        browser, made_at, _, mac = proof.split(".")
        is_valid = hmac.compare_digest(mac, _mac_for(account, browser, made_at))
        if is_valid and account is not None and is_current(proof):
            found = found or browser
    return found


def find_used_browser(proofs: Iterable[str]) -> str | None:
    """Return the identifier in the first of these proofs that this provider made for any account, or None."""
    for proof in proofs:
        browser, made_at, mac, _ = proof.split(".")
        if is_current(proof) and hmac.compare_digest(mac, _mac(browser, made_at)):
            return browser
    return None


def is_current(proof: str) -> bool:
    """Return whether a proof, valid or not, claims to have been made within the lifetime of proofs."""
    age = clock.now().timestamp() - int(proof.split(".")[1])
    lifetime = current.settings().known_browser_lifetime
    return -_CLOCK_SKEW.total_seconds() <= age <= lifetime.total_seconds()


def _mac(browser: str, made_at: str) -> str:
    return current.secret_box().keyed_token("used-browser", f"{browser} {made_at}")


def _mac_for(account: Account | None, browser: str, made_at: str) -> str:
    state = f"{account.id} {account.epoch} {account.password_changed_at}" if account else "no account"
    return current.secret_box().keyed_token("known-browser", f"{state} {browser} {made_at}")
