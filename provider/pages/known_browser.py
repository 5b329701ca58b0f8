"""The browsers in which a person has signed in before, as their cookies prove it (SEC-601)."""

from provider.accounts import browser_proof
from provider.accounts.models import Account
from provider.sessions.queries import FoundSession
from provider.web import cookies


def browser_of(account: Account | None, found: FoundSession | None) -> str | None:
    """Return what guesses from this browser are counted under if the person has signed in here, or None."""
    if found is not None and account is not None and found.account.id == account.id:
        return f"session {found.session.id}"
    return browser_proof.find_browser(cookies.browser_proofs(), account)


def remember(account: Account) -> None:
    """Have this browser prove from now on that the person has signed in here.

    The identifier is a new one each time, so that guesses made with a stolen copy of an earlier proof are
    not counted for this browser.
    """
    others = [
        proof
        for proof in cookies.browser_proofs()
        if browser_proof.is_current(proof) and browser_proof.find_browser([proof], account) is None
    ]
    # Of more people who share a browser, those who signed in last are known.
    cookies.keep_browser_proofs([browser_proof.make(account), *others][: cookies.MOST_PROOFS])
