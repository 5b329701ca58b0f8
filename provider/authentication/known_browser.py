"""The browsers in which a person has signed in before, as proven by cookies (SEC-601)."""

from collections.abc import Iterable

from provider.accounts.models import Account
from provider.authentication import browser_proof
from provider.authentication.browser import Browser


def name_of(browser: Browser, account: Account | None) -> str | None:
    """Return the key for counting guesses from a browser in which the person has signed in, or None."""
    found = browser.session
    if found is not None and account is not None and found.account.id == account.id:
        return f"session {found.session.id}"
    return browser_proof.find_browser(browser.proofs, account)


def proofs_after(account: Account, proofs: Iterable[str]) -> list[str]:
    """Return the proofs for a browser to keep after the person has signed in there, newest first.

    The identifier is a new one each time, so that guesses made with a stolen copy of an earlier proof are
    not counted for this browser.
    """
    others = [
        proof
        for proof in proofs
        if browser_proof.is_current(proof) and browser_proof.find_browser([proof], account) is None
    ]
    return [browser_proof.make(account), *others]
