"""The sign-in page: a person proves who they are, for a waiting app or page of the account."""

from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from provider.accounts.names import MAX_LENGTH
from provider.authentication import known_browser, password
from provider.authentication.guesses import TooMany
from provider.authentication.password import Admitted, Credentials, Refusal, Refused, Right
from provider.infrastructure import event_log
from provider.infrastructure.database import transaction
from provider.interactions.lifecycle import answer
from provider.interactions.models import Interaction
from provider.pages import too_many
from provider.pages.nothing_waits import gone
from provider.pages.parked import (
    ParkedAccountPage,
    ParkedAuthorization,
    find_parked,
    find_parked_account_page,
    lead_back_to,
    open_account_page,
    resume,
)
from provider.web import cookies, csrf
from provider.web.current_session import current_session
from provider.web.i18n import gettext as _
from provider.web.layout import form_page, page
from provider.web.parking import check_first_answer
from provider.web.route import Route
from provider.web.this_browser import this_browser


def show(handle: str) -> AnyResponse:
    """Show the form, prefilled with the user name that the app expects.

    If the person has signed in since the request was parked, say in another tab, the request goes on.
    """
    parked = _find(handle)
    if parked is None:
        return gone(handle)
    found = current_session()
    if found is not None:
        if isinstance(parked, ParkedAccountPage):
            check_first_answer(parked.interaction, session_id=found.session.id)
            return open_account_page(parked)
        if not parked.was_asked_of(found):
            return resume(handle, sealed=parked.interaction.sealed)
    hint = parked.parameter("login_hint") if isinstance(parked, ParkedAuthorization) else ""
    return _form(parked, username=hint)


def submit(handle: str) -> AnyResponse:
    """Sign the person in, or show the form again with one sentence."""
    parked = _find(handle)
    if parked is None:
        return gone(handle)
    client = parked.client if isinstance(parked, ParkedAuthorization) else None
    client_id = client.client_id if client else None
    csrf.check(_purpose(handle))
    if isinstance(parked, ParkedAuthorization) and "cancel" in request.form:
        return _cancel(parked)
    credentials = Credentials(
        username=request.form.get("username", ""), password=request.form.get("password", "")
    )
    match admit(credentials, client_id=client_id, for_request=parked.interaction):
        case Refused(why=refusal):
            event_log.info("sign_in_refused", reason=refusal, client_id=client_id)
            return _form(parked, username=credentials.username, refusal=refusal)
        case Admitted(account=account):
            event_log.info("signed_in", account_id=account.id, client_id=client_id)
            return open_account_page(parked) if isinstance(parked, ParkedAccountPage) else resume(handle)


def admit(
    credentials: Credentials, *, client_id: str | None, for_request: Interaction | None = None
) -> Admitted | Refused:
    """Check the password, begin or renew the session of this browser, and keep its cookie.

    The waiting request records the session, so that it recognises its own sign-in later.
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
        cookies.keep_session(outcome.session_handle)
        cookies.keep_browser_proofs(known_browser.proofs_after(outcome.account, browser.proofs))
    return outcome


def _cancel(parked: ParkedAuthorization) -> AnyResponse:
    """Tell the app that the person does not want to sign in, so that the page can be left."""
    check_first_answer(parked.interaction)
    with transaction():
        answer(parked.interaction, denied=True)
    return resume(parked.handle)


def _find(handle: str) -> ParkedAuthorization | ParkedAccountPage | None:
    return find_parked(handle) or find_parked_account_page(handle)


def _form(
    parked: ParkedAuthorization | ParkedAccountPage,
    *,
    username: str,
    refusal: Refusal | TooMany | None = None,
) -> Response:
    shown: dict[str, Any] = {"app_name": None}
    if isinstance(parked, ParkedAuthorization):
        lead_back_to(parked)
        shown = parked.about_app
    shown["for_device"] = isinstance(parked, ParkedAccountPage) and parked.is_for_device
    token = csrf.token_for(_purpose(parked.handle))
    if not username and refusal is None:
        return form_page("sign_in.html", csrf=token, username="", sentence=None, **shown)
    response = page(
        "sign_in.html",
        status=429 if isinstance(refusal, TooMany) else 200,
        **shown,
        username=username[:MAX_LENGTH],
        sentence=_in_words(refusal, username) if refusal else None,
        csrf=token,
    )
    if isinstance(refusal, TooMany):
        response.headers["Retry-After"] = str(too_many.seconds_to_wait(username, refusal))
    return response


def _purpose(handle: str) -> str:
    return f"sign-in {handle}"


def _in_words(refusal: Refusal | TooMany, username: str) -> str:
    """Return the error message; it does not reveal whether there is such an account (SEC-623)."""
    match refusal:
        case Refusal.INCOMPLETE:
            return _("Enter your user name and your password.")
        case TooMany():
            return too_many.in_words(refusal, username)
        case Refusal.WRONG:
            return _("The user name or password is incorrect.")


ROUTES = (
    Route(rule="/sign-in/<handle:handle>", name="sign_in", view=show),
    Route(rule="/sign-in/<handle:handle>", name="sign_in_submit", view=submit, methods=("POST",)),
)
