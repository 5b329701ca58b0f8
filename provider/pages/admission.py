"""A person signs in at this browser: the check, the session in one transaction, and then the cookies."""

from provider.authentication import known_browser, password
from provider.authentication.password import Admitted, Credentials, Refused, Right
from provider.infrastructure.database import transaction
from provider.interactions.answer import answer
from provider.interactions.models import Interaction
from provider.web import cookies
from provider.web.this_browser import this_browser


def admit(
    credentials: Credentials, *, client_id: str | None, for_request: Interaction | None = None
) -> Admitted | Refused:
    """Check what a person has typed and begin or renew the session of this browser.

    The request that they signed in for records the session, so that it knows its own sign-in again.
    """
    browser = this_browser()
    checked = password.check(credentials, browser)
    match checked:
        case Refused():
            if checked.is_to_be_audited:
                with transaction():
                    password.record_refusal(checked, browser, client_id=client_id)
            return checked
        case Right():
            with transaction():
                outcome = password.conclude(checked, browser, client_id=client_id)
                if isinstance(outcome, Admitted) and for_request is not None:
                    answer(for_request, signed_in=str(outcome.session.id))
    if isinstance(outcome, Admitted):
        cookies.keep_browser_proofs(known_browser.proofs_after(outcome.account, browser.proofs))
    return outcome
